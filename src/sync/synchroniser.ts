import {
  type HeadlandError,
  isHeadlandError,
  type SerialisedError,
  serialiseError,
} from '../base/errors.js';
import { redactedJson } from '../base/redact.js';
import { endingOf } from '../samples/folder/export-folder.js';
import type { Sample } from '../samples/sample.js';
import type { SampleStore } from '../samples/store.js';
import { Allowance, type Clocks, SYSTEM_CLOCKS } from './allowance.js';
import { asSent, Discovery, isSelected, type Selection } from './discovery.js';
import { metadataDigest, sidecarOf } from './sidecar.js';
import { syncCancelled } from './sync-errors.js';
import type { SyncRow, SyncTable, SyncTotals } from './sync-table.js';
import type { Outgoing, SyncTarget } from './sync-target.js';

export interface SynchroniserOptions {
  samples: SampleStore;
  table: SyncTable;
  /** Identity of the target: what one has acknowledged counts for no other. Without secrets. */
  address: string;
  /** Opens the target for one pass, with the secrets as they are then. */
  open(): SyncTarget;
  selection: Selection;
  /** Id of this robot, for the sidecars. */
  robot: string;
  maxBytesPerDay: number | null;
  clocks?: Clocks;
}

export interface PassOptions {
  signal: AbortSignal;
  /** Sends everything again: the target has lost what it acknowledged. */
  again?: boolean;
  /** Samples; `total` as known at the beginning. */
  onProgress?: (progress: { done: number; total: number }) => void;
}

export interface PassReport {
  /** Pictures sent, each with its metadata. */
  pictures: number;
  /** Samples of which only changed metadata was sent. */
  updates: number;
  bytes: number;
  left: SyncTotals;
  /** The daily limit ended the pass. */
  limited: boolean;
  /** Samples that the target never accepts; retried after a restart. */
  refused: { sampleId: string; error: HeadlandError }[];
}

export interface SyncStatus extends SyncTotals {
  /** Unix time of the last pass that ended without an error, milliseconds; null: none. */
  passedAtMs: number | null;
  /** Why the last pass failed; null: it did not. */
  error: SerialisedError | null;
  /** Bytes that may be sent now; null = unlimited. */
  allowanceBytes: number | null;
}

/** A row that was handed to the target, and what to record once it is acknowledged. */
interface Sent {
  row: SyncRow;
  bytes: number;
  isPicture: boolean;
}

/**
 * Sends samples to one target. A sample counts as sent only after the target has acknowledged it and
 * that is durable here: a crash at any moment repeats at most one batch, with the same content under
 * the same names. At most one pass may run at a time for a state folder.
 */
export class Synchroniser {
  readonly #options: SynchroniserOptions;
  readonly #discovery: Discovery;
  readonly #allowance: Allowance;
  readonly #clocks: Clocks;
  /** Not retried by this process: each attempt would use up the daily limit. By digest. */
  readonly #refused = new Map<string, { digest: string; error: HeadlandError }>();

  constructor(options: SynchroniserOptions) {
    const { samples, table, selection, maxBytesPerDay } = options;
    this.#options = options;
    this.#clocks = options.clocks ?? SYSTEM_CLOCKS;
    this.#discovery = new Discovery(samples, table, selection);
    this.#allowance = new Allowance(table, maxBytesPerDay, this.#clocks);
  }

  /**
   * Sends what is due, until nothing is left or the daily limit is reached.
   * @throws HeadlandError HL_SYNC_…, HL_STORE_…; what was acknowledged before stays so
   */
  async run(options: PassOptions): Promise<PassReport> {
    const { table, address } = this.#options;
    const targetId = table.targetOf(address);
    if (options.again) {
      table.forget(targetId);
      this.#discovery.forget();
    }
    try {
      const report = await this.#pass(targetId, options);
      const [first] = report.refused;
      table.passed(targetId, first ? describe(first.error) : null, this.#clocks.wallMs());
      return report;
    } catch (error) {
      if (!isHeadlandError(error) || !/^HL_(STORE_|SYNC_CANCELLED)/.test(error.code)) {
        table.passed(targetId, describe(error), this.#clocks.wallMs());
      }
      throw error;
    }
  }

  /** Looks for samples to send, without sending any. @throws HeadlandError HL_STORE_… */
  async survey(signal: AbortSignal): Promise<SyncStatus> {
    const { table, address } = this.#options;
    const targetId = table.targetOf(address);
    await this.#discovery.run(targetId, signal);
    const { passedAtMs, error } = table.outcome(targetId);
    return {
      ...table.totals(targetId),
      passedAtMs,
      error: error === null ? null : readError(error),
      allowanceBytes: this.#allowance.bytes,
    };
  }

  async #pass(targetId: number, options: PassOptions): Promise<PassReport> {
    const { table } = this.#options;
    await this.#discovery.run(targetId, options.signal);
    const report = { pictures: 0, updates: 0, bytes: 0, limited: false };
    const total = table.totals(targetId).due;
    if (total > 0) {
      const target = this.#options.open();
      const onSent = (): void =>
        options.onProgress?.({ done: report.pictures + report.updates, total });
      try {
        await this.#sendAll(targetId, target, report, { signal: options.signal, onSent });
      } finally {
        target.close();
      }
    }
    return { ...report, left: table.totals(targetId), refused: this.#refusedNow(targetId) };
  }

  async #sendAll(
    targetId: number,
    target: SyncTarget,
    report: Pick<PassReport, 'pictures' | 'updates' | 'bytes' | 'limited'>,
    { signal, onSent }: { signal: AbortSignal; onSent: () => void },
  ): Promise<void> {
    for (let afterId = ''; ; ) {
      if (signal.aborted) throw syncCancelled();
      const batch = new Batch(target.maxBatch.bytes, this.#allowance);
      const rows = this.#options.table.due(targetId, afterId, target.maxBatch.samples);
      if (rows.length === 0) return;
      const refused = await this.#send(targetId, target, rows, batch, signal);
      if (!refused) this.#acknowledge(targetId, batch.sent, report);
      report.limited = batch.limited;
      onSent();
      if (batch.limited || batch.lastId === null) return;
      afterId = batch.lastId;
    }
  }

  /** @returns true: the target never accepts the one sample of this batch */
  async #send(
    targetId: number,
    target: SyncTarget,
    rows: readonly SyncRow[],
    batch: Batch,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      await target.send(this.#outgoing(targetId, rows, batch), signal);
      return false;
    } catch (error) {
      const [only, ...others] = batch.sent;
      if (!isHeadlandError(error, 'HL_SYNC_REFUSED') || !only || others.length > 0) throw error;
      const { sampleId, sentDigest } = only.row;
      this.#refused.set(sampleId, { digest: sentDigest!, error });
      return true;
    }
  }

  *#outgoing(targetId: number, rows: readonly SyncRow[], batch: Batch): Generator<Outgoing> {
    const { samples, table, selection } = this.#options;
    for (const row of rows) {
      const stored = samples.get(row.sampleId);
      const sample = stored && asSent(stored, selection);
      if (sample === null) {
        table.remove(targetId, row.sampleId);
        batch.passOver(row);
      } else if (row.file === null && !isSelected(sample, selection)) {
        table.put(targetId, { ...row, due: false });
        batch.passOver(row);
      } else if (this.#refused.get(row.sampleId)?.digest === metadataDigest(sample)) {
        batch.passOver(row);
      } else {
        const outgoing = this.#compose(sample, row);
        if (!batch.add(row, sample, outgoing)) return;
        yield outgoing;
      }
    }
  }

  #compose(sample: Sample, row: SyncRow): Outgoing {
    const { samples, robot } = this.#options;
    const labelRevision = samples.labelHistory(sample.id).at(-1)?.revision ?? 0;
    const about = { robot, labelRevision };
    if (row.file !== null) return { picture: null, sidecar: sidecarOf(sample, row.file, about) };
    const bytes = samples.picture(sample.id) ?? new Uint8Array();
    const name = `${sample.id}.${endingOf(bytes)}`;
    return { picture: { name, bytes }, sidecar: sidecarOf(sample, name, about) };
  }

  #acknowledge(
    targetId: number,
    sent: readonly Sent[],
    report: Pick<PassReport, 'pictures' | 'updates' | 'bytes'>,
  ): void {
    const { table } = this.#options;
    table.transaction(() => {
      for (const { row } of sent) table.put(targetId, row);
    });
    for (const { row, bytes, isPicture } of sent) {
      this.#refused.delete(row.sampleId);
      report[isPicture ? 'pictures' : 'updates'] += 1;
      report.bytes += bytes;
    }
  }

  #refusedNow(targetId: number): PassReport['refused'] {
    for (const sampleId of this.#refused.keys()) {
      if (!this.#options.table.get(targetId, sampleId)?.due) this.#refused.delete(sampleId);
    }
    return [...this.#refused].map(([sampleId, { error }]) => ({ sampleId, error }));
  }
}

/** What of a run of rows fits into one call of the target and into the daily limit. */
class Batch {
  readonly sent: Sent[] = [];
  /** Last row that needs no further look in this pass. */
  lastId: string | null = null;
  limited = false;
  #bytes = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly allowance: Allowance,
  ) {}

  passOver(row: SyncRow): void {
    this.lastId = row.sampleId;
  }

  /** @returns false: it must wait for another batch, or for the daily limit */
  add(row: SyncRow, sample: Sample, { picture, sidecar }: Outgoing): boolean {
    const bytes = (picture?.bytes.length ?? 0) + Buffer.byteLength(sidecar.text);
    if (this.#bytes > 0 && this.#bytes + bytes > this.maxBytes) return false;
    if (!this.allowance.take(bytes)) {
      this.limited = true;
      return false;
    }
    this.allowance.save();
    this.#bytes += bytes;
    this.lastId = row.sampleId;
    const file = picture?.name ?? row.file;
    const sentDigest = metadataDigest(sample);
    this.sent.push({
      row: { ...row, file, sentDigest, due: false },
      bytes,
      isPicture: picture !== null,
    });
    return true;
  }
}

function describe(error: unknown): string {
  const { code, message, remedy } = serialiseError(error);
  return redactedJson({ code, message, remedy });
}

/** @param json of {@link describe} */
function readError(json: string): SerialisedError {
  const { code, message, remedy } = JSON.parse(json);
  return { code, message, remedy, details: {} };
}
