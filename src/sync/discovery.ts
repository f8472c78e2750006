import { pause } from '../base/pause.js';
import type { Sample } from '../samples/sample.js';
import type { SampleStore } from '../samples/store.js';
import { metadataDigest } from './sidecar.js';
import { syncCancelled } from './sync-errors.js';
import type { SyncRow, SyncTable } from './sync-table.js';

/** Samples per transaction: short enough for the main thread. */
const PAGE = 250;
/** Interval of full searches. Between them only new samples and labels are looked at. */
const FULL_INTERVAL_MS = 3_600_000;

/**
 * Which samples are sent, and which of their parts. A sample that was sent once is kept up to date,
 * whatever happens to it later.
 */
export interface Selection {
  send: 'labelled' | 'waiting' | 'all';
  /** Names of cameras; empty = all. */
  cameras: readonly string[];
  /** Whether the metadata contains where a sample was captured. */
  positions: boolean;
}

export function isSelected(sample: Sample, { send, cameras }: Selection): boolean {
  // Its picture was thinned out.
  if (sample.pictureBytes === 0) return false;
  if (sample.state !== 'labelled' && sample.state !== 'waiting') return false;
  if (send !== 'all' && (sample.label !== null) !== (send === 'labelled')) return false;
  const [camera = ''] = sample.source.split('/', 1);
  return cameras.length === 0 || cameras.includes(camera);
}

/** What a target is told of a sample. */
export function asSent(sample: Sample, { positions }: Selection): Sample {
  return positions ? sample : { ...sample, position: null };
}

/**
 * Finds out what a target must get, by comparing the sample store with what the target has
 * acknowledged. A full search needs no memory of earlier ones: whatever a crash or another process
 * did meanwhile, it finds everything.
 */
export class Discovery {
  /** Null: a full search is due. */
  #seen: { generation: number; atMs: number; afterId: string; revision: number } | null = null;

  constructor(
    private readonly store: Pick<SampleStore, 'list' | 'get' | 'labelsSince' | 'labelRevision'>,
    private readonly table: SyncTable,
    private readonly selection: Selection,
  ) {}

  /** Marks everything that is due. @throws HeadlandError HL_STORE_…, HL_SYNC_CANCELLED */
  async run(target: number, signal: AbortSignal): Promise<void> {
    const seen = this.#seen;
    const isFresh =
      seen !== null &&
      seen.generation === this.table.generation &&
      performance.now() - seen.atMs < FULL_INTERVAL_MS;
    if (isFresh) {
      seen.afterId = await this.#searchAfter(seen.afterId, target, signal);
      this.#searchLabels(seen, target);
      return;
    }
    this.#seen = null;
    const { generation } = this.table;
    // Read first: labels given during the search are looked at again.
    const revision = this.store.labelRevision();
    const atMs = performance.now();
    const afterId = await this.#searchAfter('', target, signal);
    this.#seen = { generation, atMs, afterId, revision };
  }

  /** The next search is a full one. */
  forget(): void {
    this.#seen = null;
  }

  /** Compares all samples with a larger id. @returns the last id */
  async #searchAfter(start: string, target: number, signal: AbortSignal): Promise<string> {
    for (let afterId = start; ; ) {
      const page = this.store.list({ afterId, limit: PAGE });
      const last = page.at(-1)?.id;
      if (last === undefined) {
        this.table.removeAfter(target, afterId);
        return afterId;
      }
      const rows = this.table.between(target, afterId, last);
      this.table.transaction(() => {
        for (const sample of page) {
          this.#compare(target, sample, rows.get(sample.id) ?? null);
          rows.delete(sample.id);
        }
        for (const gone of rows.keys()) this.table.remove(target, gone);
      });
      afterId = last;
      await pause(0);
      if (signal.aborted) throw syncCancelled();
    }
  }

  #searchLabels(seen: { revision: number }, target: number): void {
    for (;;) {
      const changes = this.store.labelsSince(seen.revision, PAGE);
      const last = changes.at(-1);
      if (last === undefined) return;
      this.table.transaction(() => {
        for (const { sampleId } of changes) {
          const sample = this.store.get(sampleId);
          if (sample) this.#compare(target, sample, this.table.get(target, sampleId));
        }
      });
      seen.revision = last.revision;
    }
  }

  #compare(target: number, sample: Sample, row: SyncRow | null): void {
    const due =
      (row?.file != null || isSelected(sample, this.selection)) &&
      row?.sentDigest !== metadataDigest(asSent(sample, this.selection));
    if (row === null && due) {
      this.table.put(target, {
        sampleId: sample.id,
        pictureBytes: sample.pictureBytes,
        file: null,
        sentDigest: null,
        due,
      });
    } else if (row !== null && row.due !== due) {
      this.table.put(target, { ...row, due });
    }
  }
}
