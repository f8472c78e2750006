import { readFile } from 'node:fs/promises';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import { sha256Hex } from '../../base/hash.js';
import { MAX_ORIGIN_CHARACTERS } from '../sample-rows.js';
import type { SampleStore } from '../store.js';
import { type Candidate, type ImportRun, obstacleOf } from './import-run.js';

/** Pictures per commit. */
const BATCH = 16;

/** Last step of an import: stores the grouped candidates. */
export class ImportWriter {
  constructor(
    private readonly store: SampleStore,
    private readonly run: ImportRun,
  ) {}

  async write(candidates: readonly Candidate[]): Promise<void> {
    let done = 0;
    for (let start = 0; start < candidates.length; start += BATCH) {
      this.run.checkCancelled();
      const batch = candidates.slice(start, start + BATCH);
      const bytes = new Map<Candidate, Uint8Array>();
      for (const candidate of batch) {
        if (candidate.known === null) await this.readAgain(candidate, bytes);
      }
      try {
        const admitted = this.store.batch(() =>
          batch.map((candidate) => this.writeOne(candidate, bytes.get(candidate))),
        );
        for (const outcome of admitted) {
          if (outcome === 'new') this.run.report.imported += 1;
          if (outcome === 'known') this.run.report.duplicates += 1;
        }
      } catch (error) {
        throw withProgress(error, this.run.report.imported, done, candidates.length);
      }
      for (const candidate of batch) {
        if (candidate.known === null && !bytes.has(candidate)) continue;
        const { classes } = this.run;
        const { label } = candidate;
        if (label !== null) classes.set(label, (classes.get(label) ?? 0) + 1);
        if (candidate.keptOut) this.countKeptOut(candidate);
      }
      done += batch.length;
      this.run.options.onProgress?.({ phase: 'store', done, total: candidates.length });
    }
  }

  /** Reads the bytes again: they were not kept after the check, to save memory. */
  private async readAgain(candidate: Candidate, bytes: Map<Candidate, Uint8Array>): Promise<void> {
    const origin = candidate.name;
    try {
      const again = await readFile(candidate.picture.path);
      if (sha256Hex(again) === candidate.sha256) {
        bytes.set(candidate, again);
        return;
      }
      const message = 'the file changed during the import';
      const remedy = 'Import again.';
      await this.run.refuse(
        { origin, code: 'HL_IMPORT_UNREADABLE', message, reason: message, remedy },
        null,
      );
    } catch (error) {
      const obstacle = obstacleOf(error, origin);
      if (obstacle === null) throw error;
      await this.run.refuse(obstacle, null);
    }
  }

  private writeOne(candidate: Candidate, jpeg: Uint8Array | undefined): 'new' | 'known' | 'gone' {
    const { known, label, restored } = candidate;
    if (known !== null) {
      if (this.run.options.regroup) {
        this.store.regroup(known.id, candidate.group!, candidate.keptOut);
      }
      if (known.label === null && label !== null) this.store.label(known.id, label, 'import');
      else if (label !== null) this.run.compareLabels(known.label, candidate, known.id);
      return 'known';
    }
    if (jpeg === undefined) return 'gone';
    // Moving a picture to another class folder of an export changes its label.
    const sameLabel = restored !== null && restored.label === label;
    const { duplicate } = this.store.admit(
      {
        jpeg,
        label,
        labelSource:
          label === null ? null : ((sameLabel ? restored.label_source : null) ?? 'import'),
        group: candidate.group!,
        source: restored?.source ?? 'import',
        capturedAtMs: candidate.capturedAtMs,
        origin: restored ? restored.origin : candidate.name.slice(-MAX_ORIGIN_CHARACTERS),
        dhash: candidate.dhash,
      },
      restored === null
        ? { kept: candidate.keptOut }
        : {
            holdout: restored.holdout,
            kept: restored.kept ?? candidate.keptOut,
            multiplicity: restored.multiplicity,
            ...(sameLabel && restored.labelled_at_ms !== null
              ? { labelledAtMs: restored.labelled_at_ms }
              : {}),
          },
    );
    return duplicate ? 'known' : 'new';
  }

  /** A picture that was stored before may be in a group for training. */
  private countKeptOut({ sha256, name }: Candidate): void {
    if (this.store.findPicture(sha256)?.kept) {
      this.run.report.keptOut += 1;
      return;
    }
    this.run.warnOfPicture(
      'HL_IMPORT_NOT_KEPT_OUT',
      `${name}: already stored, not held out; left unchanged`,
    );
  }
}

function withProgress(error: unknown, imported: number, done: number, total: number): unknown {
  if (!isHeadlandError(error)) return error;
  return new HeadlandError(
    error.code,
    `${error.message}; ${imported} new pictures were imported before the error`,
    {
      remedy: `${error.remedy} Then import again: it continues where it stopped.`,
      details: { ...error.details, imported, done, total },
      cause: error,
    },
  );
}
