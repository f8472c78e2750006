import { HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import { type GroupItem, type GroupMethod, TIME_GROUP_PREFIX } from '../groups.js';
import type { Sample } from '../sample.js';
import type { ManifestEntry } from './manifest.js';
import { Quarantine } from './quarantine.js';
import type { FoundPicture, Obstacle } from './walk.js';

export interface ImportOptions {
  /** Regular expression on the file name relative to the folder; its captures are the group. */
  groupPattern?: string | null;
  /** Take groups from here only; default: capture time, then the pattern, then likeness. */
  groupBy?: GroupMethod;
  /** A longer pause between two capture times begins a new group, milliseconds. */
  gapMs?: number;
  limits: { maxBytes: number; maxPixels: number };
  /** Copies of refused pictures go here, with reasons in quarantine.jsonl; null = no copies. */
  quarantineDir?: string | null;
  onProgress?: (progress: ImportProgress) => void;
  signal?: AbortSignal;
}

/** First every picture is read and checked, then those that are new are stored. */
export interface ImportProgress {
  phase: 'read' | 'store';
  done: number;
  total: number;
}

export interface ImportReport {
  /** Files whose name announces a picture. */
  found: number;
  /** New samples. */
  imported: number;
  /** Pictures that the store, or the folder itself, had already. */
  duplicates: number;
  /** What was refused, by its name in the folder. */
  quarantined: Obstacle[];
  warnings: { code: string; message: string }[];
  /** Usable pictures of the folder by label: new and known. */
  classes: Record<string, number>;
  /** Distinct groups of the usable pictures. */
  groups: number;
  /** How most of the new pictures got their group; 'known' when each one had it already. */
  groupedBy: GroupMethod | 'known';
}

/** A picture that was read and is fit for the store. */
export interface Candidate extends GroupItem {
  picture: FoundPicture;
  /** What time the store is told: EXIF, else the file's. */
  capturedAtMs: number;
  restored: ManifestEntry | null;
  known: Sample | null;
}

/** What the steps of one import share: its options, its report and the way to refuse a picture. */
export class ImportRun {
  readonly quarantine: Quarantine;
  readonly report: ImportReport = {
    found: 0,
    imported: 0,
    duplicates: 0,
    quarantined: [],
    warnings: [],
    classes: {},
    groups: 0,
    groupedBy: 'known',
  };

  constructor(readonly options: ImportOptions) {
    this.quarantine = new Quarantine(options.quarantineDir ?? null);
  }

  warn(code: string, message: string): void {
    this.report.warnings.push({ code, message });
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
    this.warn(
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

/** A stored sample as one that others may be grouped with. */
export function asItem(sample: Sample): GroupItem {
  return {
    name: sample.origin ?? '',
    label: sample.label,
    sha256: sample.pictureSha256,
    captureTimeMs: sample.group.startsWith(TIME_GROUP_PREFIX) ? sample.capturedAtMs : null,
    dhash: sample.dhash,
    group: sample.group,
  };
}

/** Why a picture is left out; null when the error does not concern the picture alone. */
export function obstacleOf(error: unknown, origin: string): Obstacle | null {
  if (isHeadlandError(error)) {
    if (!error.code.startsWith('HL_PICTURE_')) return null;
    return { origin, code: error.code, message: error.message };
  }
  const isFileError = typeof (error as NodeJS.ErrnoException).syscall === 'string';
  if (!isFileError) return null;
  return { origin, code: 'HL_IMPORT_UNREADABLE', message: messageOf(error) };
}
