import type { Position } from '../../base/geo/position.js';
import { sha256Hex } from '../../base/hash.js';
import { listIn } from '../../base/values/list-in.js';
import { cutOut, isWhole, uprightSize } from '../../vision/crop.js';
import { decodePicture } from '../../vision/decode.js';
import { differenceHash } from '../../vision/dhash.js';
import { readPictureFile } from '../../vision/folder/read-picture-file.js';
import { inspectPicture, type PictureInspection } from '../../vision/inspect.js';
import {
  type BoxFault,
  MIN_BOX_PIXELS,
  type PixelRectangle,
  placeBox,
} from '../../vision/picture-box.js';
import type { Sample } from '../sample.js';
import type { SampleStore } from '../store.js';
import { unitsOf } from './crops/picture-units.js';
import type { FoundPicture } from './found.js';
import { asItem, type Candidate, type ImportRun, obstacleOf } from './import-run.js';
import { type ManifestEntry, restoredPosition } from './manifest.js';

/** A multiple of 9 and 8, the columns and rows of the difference hash. */
const HASH_SIZE_PIXELS = 72;
/** Two pictures at a time: one is read from disk while the other is decoded. */
const READERS = 2;
const BOX_FAULTS: Readonly<Record<BoxFault, string>> = {
  outside: 'boxes outside their picture',
  small: `boxes of fewer than ${MIN_BOX_PIXELS} pixels`,
  shape: 'boxes for a picture of another shape',
};

/** First step of an import: checks which pictures are usable, and which are already known. */
export class ImportReader {
  constructor(
    private readonly store: SampleStore,
    private readonly run: ImportRun,
    private readonly entries: ReadonlyMap<string, ManifestEntry>,
  ) {}

  /** Reads and checks every picture. @returns the usable ones, without duplicates */
  async read(pictures: readonly FoundPicture[]): Promise<Candidate[]> {
    const files = byFile(pictures);
    const results: Candidate[][] = files.map(() => []);
    let [next, done] = [0, 0];
    const reader = async (): Promise<void> => {
      try {
        while (next < files.length) {
          const index = next++;
          const parts = files[index]!;
          this.run.checkCancelled();
          results[index] = await this.readFile(parts);
          done += parts.length;
          this.run.options.onProgress?.({ phase: 'read', done, total: pictures.length });
        }
      } finally {
        // If one reader fails, the others stop too.
        next = files.length;
      }
    };
    await Promise.all(Array.from({ length: READERS }, reader));
    return this.withoutDuplicates(results.flat());
  }

  private withoutDuplicates(candidates: readonly Candidate[]): Candidate[] {
    const first = new Map<string, Candidate>();
    for (const candidate of candidates) {
      const same = first.get(candidate.sha256);
      if (same === undefined) {
        first.set(candidate.sha256, candidate);
        continue;
      }
      this.run.report.duplicates += 1;
      if (same.keptOut !== candidate.keptOut) this.keepOut(same, candidate);
      if (same.label === null) same.label = candidate.label;
      else if (candidate.label !== null)
        this.run.compareLabels(same.label, candidate, same.known?.id ?? null);
    }
    const usable = [...first.values()];
    this.keepTogether(usable);
    return usable;
  }

  /** A picture in both parts is kept out of training, or the evaluation would use training data. */
  private keepOut(first: Candidate, second: Candidate): void {
    first.keptOut = true;
    this.run.warnOfPicture(
      'HL_IMPORT_SPLIT_OVERLAP',
      `${second.name}: the same picture as ${first.name} in another part; kept out of training`,
    );
  }

  /** Crops of a picture that is in both parts are all kept out. */
  private keepTogether(candidates: readonly Candidate[]): void {
    for (const { members } of unitsOf(candidates)) {
      const kept = members.find(({ keptOut }) => keptOut);
      if (kept === undefined) continue;
      for (const other of members) if (!other.keptOut) this.keepOut(other, kept);
    }
  }

  /** Reads a picture file once for all its parts. A file that cannot be used is refused once. */
  private async readFile(parts: readonly FoundPicture[]): Promise<Candidate[]> {
    const { limits } = this.run.options;
    const { path, name } = parts[0]!;
    let bytes: Uint8Array | null = null;
    try {
      const file = await readPictureFile(path, limits);
      bytes = file.bytes;
      const opened: OpenedFile = { ...file, sha256: sha256Hex(bytes), facts: null };
      const candidates: Candidate[] = [];
      const boxed = parts.filter(({ box }) => box !== null);
      const { whole, crops } =
        boxed.length === 0 ? { whole: [], crops: [] } : await this.place(boxed, opened);
      for (const picture of [...parts.filter(({ box }) => box === null), ...whole]) {
        candidates.push(await this.readWhole(picture, opened));
      }
      if (crops.length > 0) candidates.push(...(await this.readCrops(crops, opened)));
      return candidates;
    } catch (error) {
      const obstacle = obstacleOf(error, name);
      if (obstacle === null) throw error;
      await this.run.refuse(obstacle, bytes);
      return [];
    }
  }

  /** Finds the pixels of boxes. A box around the whole picture is the picture itself. */
  private async place(
    boxed: readonly FoundPicture[],
    { bytes }: OpenedFile,
  ): Promise<{ whole: FoundPicture[]; crops: PlacedCrop[] }> {
    const { limits, cropMargin } = this.run.options;
    const size = await uprightSize(bytes, limits);
    const whole: FoundPicture[] = [];
    const crops: PlacedCrop[] = [];
    for (const picture of boxed) {
      if (picture.box === null) continue;
      const placed = placeBox(picture.box, size, cropMargin);
      if ('fault' in placed) this.run.leaveBox(picture.name, BOX_FAULTS[placed.fault]);
      else if (isWhole(placed.rectangle, size)) whole.push(picture);
      else crops.push({ picture, rectangle: placed.rectangle });
    }
    return { whole, crops };
  }

  private async readWhole(picture: FoundPicture, file: OpenedFile): Promise<Candidate> {
    const { sha256 } = file;
    const known = this.store.findStored(sha256);
    const restored = this.entries.get(sha256) ?? null;
    const about = { ...aboutOf(picture), restored, known, crop: null };
    if (known && !this.movesKnown(known)) {
      const times = { gpsTimeMs: null, capturedAtMs: 0, fileTimeMs: 0 };
      return { ...asItem(known), ...about, ...times, position: known.position };
    }
    const { captureTimeMs, gpsTimeMs, position, dhash } = await this.factsOf(file);
    return {
      ...about,
      sha256,
      captureTimeMs,
      gpsTimeMs,
      place: position,
      position: restoredPosition(restored) ?? position,
      dhash,
      group: this.groupFor(picture, restored),
      capturedAtMs: restored?.captured_at_ms ?? captureTimeMs ?? file.timeMs,
      fileTimeMs: file.timeMs,
    };
  }

  private async readCrops(crops: readonly PlacedCrop[], file: OpenedFile): Promise<Candidate[]> {
    const { limits } = this.run.options;
    const facts = await this.factsOf(file);
    const rectangles = crops.map(({ rectangle }) => rectangle);
    const jpegs = await cutOut(file.bytes, rectangles, limits);
    const candidates: Candidate[] = [];
    for (const [i, { picture, rectangle }] of crops.entries()) {
      const jpeg = jpegs[i]!;
      if (jpeg.length > limits.maxBytes) {
        this.run.leaveBox(picture.name, 'boxes with more bytes than inference.maxPictureBytes');
        continue;
      }
      const sha256 = sha256Hex(jpeg);
      const known = this.store.findStored(sha256);
      const restored = this.entries.get(sha256) ?? null;
      const isFixed = known !== null && !this.movesKnown(known);
      const group = this.groupFor(picture, restored);
      candidates.push({
        ...aboutOf(picture),
        name: cropName(picture.name, rectangle),
        restored,
        known,
        crop: { rectangle, pictureSha256: file.sha256, pictureDhash: facts.dhash },
        sha256,
        captureTimeMs: facts.captureTimeMs,
        gpsTimeMs: facts.gpsTimeMs,
        place: facts.position,
        position: restoredPosition(restored) ?? facts.position,
        dhash: known?.dhash ?? (await this.hash(jpeg)),
        group: isFixed ? known.group : group,
        capturedAtMs: restored?.captured_at_ms ?? facts.captureTimeMs ?? file.timeMs,
        fileTimeMs: file.timeMs,
      });
    }
    return candidates;
  }

  /** The group that the folder gives; null: it is found by comparing pictures. */
  private groupFor({ group }: FoundPicture, restored: ManifestEntry | null): string | null {
    return this.run.options.regroup ? group : (restored?.group ?? group);
  }

  /** Whether the import gives a stored sample a new group. */
  private movesKnown(known: Sample): boolean {
    return this.run.options.regroup === true && !known.kept;
  }

  /** Inspects a picture once, also if it is imported whole and in parts. */
  private async factsOf(file: OpenedFile): Promise<PictureFacts> {
    if (file.facts !== null) return file.facts;
    const { captureTimeMs, gpsTimeMs, position } = await inspectPicture(
      file.bytes,
      this.run.options.limits,
    );
    file.facts = {
      captureTimeMs,
      gpsTimeMs,
      position: file.position ?? position,
      dhash: await this.hash(file.bytes),
    };
    return file.facts;
  }

  private async hash(bytes: Uint8Array): Promise<string> {
    const image = await decodePicture(bytes, {
      ...this.run.options.limits,
      sizePixels: HASH_SIZE_PIXELS,
      fit: 'squash',
    });
    return differenceHash(image);
  }
}

interface OpenedFile {
  bytes: Uint8Array;
  /** Position that an export wrote into the file; null: none. */
  position: Position | null;
  timeMs: number;
  sha256: string;
  /** Null: not inspected yet. */
  facts: PictureFacts | null;
}

interface PictureFacts extends Pick<PictureInspection, 'captureTimeMs' | 'gpsTimeMs' | 'position'> {
  dhash: string;
}

interface PlacedCrop {
  picture: FoundPicture;
  rectangle: PixelRectangle;
}

/** The parts of each picture file, in the order of the files. */
function byFile(pictures: readonly FoundPicture[]): FoundPicture[][] {
  const files = new Map<string, FoundPicture[]>();
  // Names that are not UTF-8 may be equal as text, so the path is part of the key.
  for (const picture of pictures) {
    listIn(files, `${picture.name}\0${picture.path.toString('latin1')}`).push(picture);
  }
  return [...files.values()];
}

function aboutOf(picture: FoundPicture) {
  const { name, label, session, keptOut } = picture;
  return { picture, name, label, session, keptOut };
}

/** Names a crop by its picture and pixels, as a media fragment (W3C): "a.jpg#xywh=10,20,30,40". */
function cropName(name: string, { left, top, width, height }: PixelRectangle): string {
  return `${name}#xywh=${left},${top},${width},${height}`;
}
