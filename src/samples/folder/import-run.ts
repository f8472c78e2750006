import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import { fileProblem, isFileError } from '../../base/files/file-problem.js';
import type { Place } from '../../vision/exif.js';
import { TIME_GROUP_PREFIX } from '../grouping/by-time.js';
import type { GroupItem } from '../grouping/group-item.js';
import type { GroupMethod } from '../grouping/groups.js';
import type { Sample } from '../sample.js';
import type { FindOptions } from './find-pictures.js';
import type { FoundPicture, LeftOut, Note, Obstacle } from './found.js';
import type { ManifestEntry } from './manifest.js';
import { Quarantine } from './quarantine.js';

export interface ImportOptions extends FindOptions {
  /** Regular expression on the file name relative to the folder; its captures are the group. */
  groupPattern?: string | null;
  /** Take groups from here only; default: all ways in their order (see `assignGroups`). */
  groupBy?: GroupMethod | null;
  /** A longer pause between two capture times begins a new group, milliseconds. */
  gapMs?: number;
  /** Pictures that the store, or an export, knows get new groups too. */
  regroup?: boolean;
  /** The given test part, else the validation part, stays held out whatever its classes need. */
  keepSplit?: boolean;
  /** A class with fewer pictures outside the holdout is named: training would leave it out. */
  minLabelsPerClass?: number;
  limits: { maxBytes: number; maxPixels: number };
  /** Copies of refused pictures go here, with reasons in quarantine.jsonl; null = no copies. */
  quarantineDir?: string | null;
  onProgress?: (progress: ImportProgress) => void;
  signal?: AbortSignal;
  /** Unix time, milliseconds. */
  now?: () => number;
}

/** First every picture is read and checked, then those that are new are stored. */
export interface ImportProgress {
  phase: 'read' | 'store';
  done: number;
  total: number;
}

export interface ImportReport {
  /** Files whose name announces a picture, in classes. */
  found: number;
  /** New samples. */
  imported: number;
  /** Pictures that the store, or the folder itself, had already. */
  duplicates: number;
  /** What was refused, by its name in the folder. */
  quarantined: Obstacle[];
  /** Everything that was left out, by its reason, the quarantined among it; most files first. */
  leftOut: LeftOut[];
  warnings: Note[];
  /** Usable pictures of the folder by label: new and known. */
  classes: ReadonlyMap<string, number>;
  /** Pictures of the given test part that are kept out of training. */
  keptOut: number;
  /** Distinct groups of the usable pictures. */
  groups: number;
  /** How most of the new pictures got their group; 'known' when each one had it already. */
  groupedBy: GroupMethod | 'known';
}

/** A picture that was read and is fit for the store. */
export interface Candidate extends GroupItem {
  picture: FoundPicture;
  /** When the satellites say it was taken; null: they do not. */
  gpsTimeMs: number | null;
  /** What time the store is told: EXIF, else the file's. */
  capturedAtMs: number;
  /** Unix time of the file, milliseconds. */
  fileTimeMs: number;
  restored: ManifestEntry | null;
  known: Sample | null;
  /** Of a part that a person wants held out. */
  keptOut: boolean;
}

/** So many pictures are named for each kind of note. */
const NAMED_PICTURES = 10;

/** What the steps of one import share: its options, its report and the way to refuse a picture. */
export class ImportRun {
  readonly quarantine: Quarantine;
  readonly classes = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  readonly report: ImportReport = {
    found: 0,
    imported: 0,
    duplicates: 0,
    quarantined: [],
    leftOut: [],
    warnings: [],
    classes: this.classes,
    keptOut: 0,
    groups: 0,
    groupedBy: 'known',
  };

  constructor(readonly options: ImportOptions) {
    this.quarantine = new Quarantine(options.quarantineDir ?? null);
  }

  warn(code: string, message: string): void {
    this.report.warnings.push({ code, message });
  }

  /** A note that may come for every picture: the first ones are said, the others counted. */
  warnOfPicture(code: string, message: string): void {
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    if (count <= NAMED_PICTURES) this.warn(code, message);
  }

  /** Says how many notes of pictures were only counted. */
  warnOfTheRest(): void {
    for (const [code, count] of this.#counts) {
      if (count > NAMED_PICTURES) this.warn(code, `the same of ${count - NAMED_PICTURES} more`);
    }
  }

  async refuse(obstacle: Obstacle, bytes: Uint8Array | null): Promise<void> {
    this.report.quarantined.push(obstacle);
    await this.quarantine.add(obstacle, bytes);
  }

  /**
   * Notes when the store, or a folder before, has the same picture under another label.
   * @param sampleId of the picture; null while it is not stored yet
   */
  compareLabels(kept: string | null, candidate: Candidate, sampleId: string | null): void {
    if (kept === candidate.label) return;
    const change = sampleId === null ? '' : `; to change it: headland label ${sampleId} LABEL`;
    this.warnOfPicture(
      'HL_IMPORT_LABEL_CONFLICT',
      `${candidate.name}: the same picture has the label "${kept}", which stays${change}`,
    );
  }

  /** @throws HeadlandError HL_IMPORT_CANCELLED */
  checkCancelled(): void {
    if (!this.options.signal?.aborted) return;
    throw new HeadlandError('HL_IMPORT_CANCELLED', 'the import was cancelled', {
      remedy: 'Import again: it goes on where it stopped.',
      details: { imported: this.report.imported },
    });
  }
}

const NOWHERE: { place: Place | null; session: string | null } = { place: null, session: null };

/** A stored sample as one that others may be grouped with. */
export function asItem(sample: Sample): GroupItem {
  return {
    name: sample.origin ?? '',
    label: sample.label,
    sha256: sample.pictureSha256,
    captureTimeMs: sample.group.startsWith(TIME_GROUP_PREFIX) ? sample.capturedAtMs : null,
    ...NOWHERE,
    dhash: sample.dhash,
    group: sample.group,
  };
}

/** Why a picture is left out; null when the error does not concern the picture alone. */
export function obstacleOf(error: unknown, origin: string): Obstacle | null {
  if (isHeadlandError(error)) {
    const { code, message, remedy } = error;
    if (!code.startsWith('HL_PICTURE_')) return null;
    return { origin, code, message, reason: reasonOf(error), remedy };
  }
  if (!isFileError(error)) return null;
  const problem = fileProblem(error);
  return {
    origin,
    code: 'HL_IMPORT_UNREADABLE',
    message: `cannot be read: ${problem}`,
    reason: problem,
    remedy: 'Let this user read it, or replace a link that leads nowhere; then import again.',
  };
}

function reasonOf({ code, details }: HeadlandError): string {
  if (typeof details.format === 'string') return details.format;
  if (code === 'HL_PICTURE_TOO_LARGE') return 'more bytes than inference.maxPictureBytes';
  if (code === 'HL_PICTURE_TOO_MANY_PIXELS') return 'more pixels than inference.maxPicturePixels';
  return 'damaged';
}
