import { readFile } from 'node:fs/promises';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import { sha256Hex } from '../../base/hash.js';
import { patiently } from '../../storage/store-patience.js';
import { cutOut } from '../../vision/crop.js';
import { removeGeotag } from '../../vision/geotag/geotag.js';
import type { NewSample } from '../sample.js';
import { isExcluded, MAX_ORIGIN_CHARACTERS, type RestoredFacts } from '../sample-rows.js';
import type { SampleStore } from '../store.js';
import { pictureShaOf, unitsOf } from './crops/picture-units.js';
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
      const bytes = await this.readNew(batch);
      try {
        await patiently(() => this.commit(batch, bytes));
      } catch (error) {
        throw withProgress(error, this.run.report.imported, done, candidates.length);
      }
      const stored = batch.filter((each) => each.known !== null || bytes.has(each));
      for (const candidate of stored) this.count(candidate);
      done += batch.length;
      this.run.options.onProgress?.({ phase: 'store', done, total: candidates.length });
    }
  }

  /** The bytes of the candidates whose picture is not stored yet, or no longer. */
  private async readNew(batch: readonly Candidate[]): Promise<Map<Candidate, Uint8Array>> {
    const bytes = new Map<Candidate, Uint8Array>();
    for (const { members } of unitsOf(batch.filter(lacksPicture))) {
      await this.readAgain(members, bytes);
    }
    return bytes;
  }

  private commit(batch: readonly Candidate[], bytes: ReadonlyMap<Candidate, Uint8Array>): void {
    const outcomes = this.store.batch(() =>
      batch.map((candidate) => this.writeOne(candidate, bytes.get(candidate))),
    );
    const { report } = this.run;
    report.imported += outcomes.filter((outcome) => outcome === 'new').length;
    report.duplicates += outcomes.filter((outcome) => outcome === 'known').length;
  }

  private count(candidate: Candidate): void {
    const { classes } = this.run;
    const { label } = candidate;
    if (label !== null) classes.set(label, (classes.get(label) ?? 0) + 1);
    if (candidate.keptOut) this.countKeptOut(candidate);
  }

  /** Reads a picture again: its bytes were not kept after the check, to save memory. */
  private async readAgain(
    members: readonly Candidate[],
    bytes: Map<Candidate, Uint8Array>,
  ): Promise<void> {
    const { name: origin, path } = members[0]!.picture;
    try {
      const { bytes: again } = removeGeotag(await readFile(path));
      if (sha256Hex(again) === pictureShaOf(members[0]!)) {
        for (const whole of members) if (whole.crop === null) bytes.set(whole, again);
        await this.cutAgain(members, again, bytes);
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

  private async cutAgain(
    members: readonly Candidate[],
    picture: Uint8Array,
    bytes: Map<Candidate, Uint8Array>,
  ): Promise<void> {
    const crops = members.flatMap((candidate) =>
      candidate.crop === null ? [] : [{ candidate, rectangle: candidate.crop.rectangle }],
    );
    if (crops.length === 0) return;
    const rectangles = crops.map(({ rectangle }) => rectangle);
    const jpegs = await cutOut(picture, rectangles, this.run.options.limits);
    crops.forEach(({ candidate }, i) => {
      bytes.set(candidate, jpegs[i]!);
    });
  }

  private writeOne(candidate: Candidate, jpeg: Uint8Array | undefined): 'new' | 'known' | 'gone' {
    if (candidate.known !== null) {
      if (jpeg !== undefined) this.store.restorePicture(candidate.known.id, jpeg);
      return this.updateKnown(candidate, candidate.known);
    }
    if (jpeg === undefined) return 'gone';
    const { duplicate } = this.store.admit(newSample(candidate, jpeg), placeOf(candidate));
    return duplicate ? 'known' : 'new';
  }

  private updateKnown(
    candidate: Candidate,
    known: NonNullable<Candidate['known']>,
  ): 'new' | 'known' | 'gone' {
    const { label, group, keptOut } = candidate;
    if (this.run.options.regroup) this.store.regroup(known.id, group!, keptOut);
    if (known.state === 'trash') {
      this.run.warnOfPicture(
        'HL_IMPORT_IN_TRASH',
        `${candidate.name}: the same picture was removed; it is in the trash and stays there`,
      );
      return 'gone';
    }
    if (this.store.get(known.id) === null) {
      this.store.adopt(known.id, labelOf(candidate), placeOf(candidate));
      return 'new';
    }
    if (label === null) return 'known';
    if (isExcluded(known)) {
      this.run.warnOfPicture(
        'HL_IMPORT_EXCLUDED',
        `${candidate.name}: the same picture is stored as "${known.state}", which is kept; to change it: headland label ${known.id} LABEL`,
      );
    } else if (known.label === null) this.store.label(known.id, label, 'import');
    else this.run.compareLabels(known.label, candidate, known.id);
    return 'known';
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

function lacksPicture({ known }: Candidate): boolean {
  return known === null || known.pictureBytes === 0;
}

function newSample(candidate: Candidate, jpeg: Uint8Array): NewSample {
  const { restored, name } = candidate;
  return {
    jpeg,
    ...labelOf(candidate),
    group: candidate.group!,
    source: restored?.source ?? 'import',
    capturedAtMs: candidate.capturedAtMs,
    origin: restored ? restored.origin : name.slice(-MAX_ORIGIN_CHARACTERS),
    dhash: candidate.dhash,
    position: candidate.position,
  };
}

function labelOf(candidate: Candidate): Pick<NewSample, 'label' | 'labelSource'> {
  const { label, restored } = candidate;
  const restoredSource = keepsLabel(candidate) ? restored?.label_source : null;
  return { label, labelSource: label === null ? null : (restoredSource ?? 'import') };
}

/** What an export recorded about the place of a sample, else whether the import keeps it out. */
function placeOf(candidate: Candidate): RestoredFacts {
  const { restored, keptOut } = candidate;
  if (restored === null) return { kept: keptOut };
  const labelledAtMs = keepsLabel(candidate) ? restored.labelled_at_ms : null;
  return {
    holdout: restored.holdout,
    kept: restored.kept ?? keptOut,
    multiplicity: restored.multiplicity,
    ...(labelledAtMs === null ? {} : { labelledAtMs }),
    ...(restored.excluded ? { excluded: restored.excluded } : {}),
  };
}

/** False: moving a picture to another class folder of an export changed its label. */
function keepsLabel({ restored, label }: Candidate): boolean {
  return restored !== null && restored.label === label;
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
