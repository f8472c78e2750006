import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import { fileProblem, isFileError } from '../../base/files/file-problem.js';
import type { Position } from '../../base/geo/position.js';
import type { PixelRectangle } from '../../vision/picture-box.js';
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
  /** Use only this grouping method; default: all, in order (see `assignGroups`). */
  groupBy?: GroupMethod | null;
  /** Widens boxes on each side by this share of their width and height, 0..1; default 0. */
  cropMargin?: number;
  /** A longer gap between two capture times starts a new group, milliseconds. */
  gapMs?: number;
  /** Also regroup pictures whose group is known from the store or an export. */
  regroup?: boolean;
  /** Always hold out the test part, or the validation part if there is no test part. */
  keepSplit?: boolean;
  /** Warn of a class with fewer pictures outside the holdout: training would leave it out. */
  minLabelsPerClass?: number;
  limits: { maxBytes: number; maxPixels: number };
  /** Folder for copies of refused pictures, with reasons in quarantine.jsonl; null = no copies. */
  quarantineDir?: string | null;
  onProgress?: (progress: ImportProgress) => void;
  signal?: AbortSignal;
  /** Unix time, milliseconds. */
  now?: () => number;
}

/** First all pictures are read and checked, then the new ones are stored. */
export interface ImportProgress {
  phase: 'read' | 'store';
  done: number;
  total: number;
}

export interface ImportReport {
  /** The layout that was recognised, for people. */
  layout: string;
  /** Files with the name of a picture, in classes; each box that is cut out counts as one. */
  found: number;
  /** New samples. */
  imported: number;
  /** Pictures that were already in the store, or several times in the folder. */
  duplicates: number;
  /** Refused files and folders, sorted by name. */
  quarantined: Obstacle[];
  /** Everything that was left out, including the quarantined, by reason; most files first. */
  leftOut: LeftOut[];
  warnings: Note[];
  /** Usable pictures of the folder by label: new and known. */
  classes: ReadonlyMap<string, number>;
  /** Pictures of the test or validation part that are kept out of training. */
  keptOut: number;
  /** Distinct groups of the usable pictures. */
  groups: number;
  /** Method that grouped most of the new pictures; 'known' when all had a group already. */
  groupedBy: GroupMethod | 'known';
}

/** A picture, or a part of one, that was read and can be stored. */
export interface Candidate extends GroupItem {
  picture: FoundPicture;
  /** Where it was cut out; null: it is the picture as it is. */
  crop: Crop | null;
  /** Where it was captured; null: not known. */
  position: Position | null;
  /** GPS time of capture, Unix milliseconds; null: none. */
  gpsTimeMs: number | null;
  /** Capture time for the store, Unix milliseconds: EXIF, else that of the file. */
  capturedAtMs: number;
  /** Unix time of the file, milliseconds. */
  fileTimeMs: number;
  restored: ManifestEntry | null;
  known: Sample | null;
  /** From a part that the user wants held out. */
  keptOut: boolean;
}

export interface Crop {
  rectangle: PixelRectangle;
  /** SHA-256 of the picture that it was cut out of, hex. */
  pictureSha256: string;
  /** Difference hash of that picture, 16 hex digits. */
  pictureDhash: string;
}

/** Number of pictures that are named for each kind of note. */
const NAMED_PICTURES = 10;

/** State shared by the steps of one import: options, report and quarantine. */
export class ImportRun {
  readonly quarantine: Quarantine;
  readonly classes = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  readonly #leftOut = new Map<string, LeftOut>();
  readonly report: ImportReport = {
    layout: '',
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

  /** Adds a note about one picture: the first ones of a kind are listed, the others counted. */
  warnOfPicture(code: string, message: string): void {
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    if (count <= NAMED_PICTURES) this.warn(code, message);
  }

  /** Adds the numbers of notes that were only counted. */
  warnOfTheRest(): void {
    for (const [code, count] of this.#counts) {
      if (count > NAMED_PICTURES) this.warn(code, `the same for ${count - NAMED_PICTURES} more`);
    }
  }

  /** Leaves out a part of a picture; the note names the picture. */
  leaveBox(name: string, reason: string): void {
    const code = 'HL_IMPORT_BOX_INVALID';
    const one = this.#leftOut.get(reason) ?? { code, reason, files: 0, examples: [] };
    this.#leftOut.set(reason, one);
    one.files += 1;
    if (one.examples.length < 3) one.examples.push(name);
    this.warnOfPicture(code, `${name}: left out: ${reason}`);
  }

  /** What was left out while the pictures were read. */
  leftOut(): LeftOut[] {
    return [...this.#leftOut.values()];
  }

  async refuse(obstacle: Obstacle, bytes: Uint8Array | null): Promise<void> {
    this.report.quarantined.push(obstacle);
    await this.quarantine.add(obstacle, bytes);
  }

  /**
   * Warns when the store, or an earlier folder, has the same picture with another label.
   * @param sampleId of the picture; null when it is not stored yet
   */
  compareLabels(kept: string | null, candidate: Candidate, sampleId: string | null): void {
    if (kept === candidate.label) return;
    const change = sampleId === null ? '' : `; to change it: headland label ${sampleId} LABEL`;
    this.warnOfPicture(
      'HL_IMPORT_LABEL_CONFLICT',
      `${candidate.name}: the same picture already has the label "${kept}", which is kept${change}`,
    );
  }

  /** @throws HeadlandError HL_IMPORT_CANCELLED */
  checkCancelled(): void {
    if (!this.options.signal?.aborted) return;
    throw new HeadlandError('HL_IMPORT_CANCELLED', 'the import was cancelled', {
      remedy: 'Import again: it continues where it stopped.',
      details: { imported: this.report.imported },
    });
  }
}

const NOWHERE = { place: null, session: null };

/** Converts a stored sample to an item that new pictures can be grouped with. */
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

/** Why a picture is left out; null when the error is not about this picture. */
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
    remedy: 'Give this user read access to it, then import again. Replace a broken link.',
  };
}

function reasonOf({ code, details }: HeadlandError): string {
  if (typeof details.format === 'string') return details.format;
  if (code === 'HL_PICTURE_TOO_LARGE') return 'more bytes than inference.maxPictureBytes';
  if (code === 'HL_PICTURE_TOO_MANY_PIXELS') return 'more pixels than inference.maxPicturePixels';
  return 'damaged';
}
