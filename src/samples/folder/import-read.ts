import { sha256Hex } from '../../base/hash.js';
import { decodePicture } from '../../vision/decode.js';
import { differenceHash } from '../../vision/dhash.js';
import { readPictureFile } from '../../vision/folder/read-picture-file.js';
import { inspectPicture } from '../../vision/inspect.js';
import type { SampleStore } from '../store.js';
import type { FoundPicture } from './found.js';
import { asItem, type Candidate, type ImportRun, obstacleOf } from './import-run.js';
import type { ManifestEntry } from './manifest.js';

/** A multiple of 9 and 8, the columns and rows of the difference hash. */
const HASH_SIZE_PIXELS = 72;
/** Two pictures at a time: one is read from disk while the other is decoded. */
const READERS = 2;

/** First step of an import: checks which pictures are usable, and which are already known. */
export class ImportReader {
  constructor(
    private readonly store: SampleStore,
    private readonly run: ImportRun,
    private readonly entries: ReadonlyMap<string, ManifestEntry>,
  ) {}

  /** Reads and checks every picture. @returns the usable ones, without duplicates */
  async read(pictures: readonly FoundPicture[]): Promise<Candidate[]> {
    const results: (Candidate | null)[] = new Array(pictures.length).fill(null);
    let [next, done] = [0, 0];
    const reader = async (): Promise<void> => {
      try {
        while (next < pictures.length) {
          const index = next++;
          this.run.checkCancelled();
          results[index] = await this.readOne(pictures[index]!);
          this.run.options.onProgress?.({ phase: 'read', done: ++done, total: pictures.length });
        }
      } finally {
        // If one reader fails, the others stop too.
        next = pictures.length;
      }
    };
    await Promise.all(Array.from({ length: READERS }, reader));

    const first = new Map<string, Candidate>();
    for (const candidate of results) {
      if (candidate === null) continue;
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
    return [...first.values()];
  }

  /** A picture in both parts is kept out of training, or the evaluation would use training data. */
  private keepOut(first: Candidate, second: Candidate): void {
    first.keptOut = true;
    this.run.warnOfPicture(
      'HL_IMPORT_SPLIT_OVERLAP',
      `${second.name}: the same picture as ${first.name} in another part; kept out of training`,
    );
  }

  private async readOne(picture: FoundPicture): Promise<Candidate | null> {
    const { limits } = this.run.options;
    const origin = picture.name;
    let bytes: Uint8Array | null = null;
    try {
      const file = await readPictureFile(picture.path, limits);
      bytes = file.bytes;
      const sha256 = sha256Hex(bytes);
      const known = this.store.findPicture(sha256);
      const restored = this.entries.get(sha256) ?? null;
      const { label, session, keptOut } = picture;
      const about = { picture, name: origin, label, session, restored, known, keptOut };
      const { regroup } = this.run.options;
      if (known && !(regroup && !known.kept)) {
        const times = { gpsTimeMs: null, capturedAtMs: 0, fileTimeMs: 0 };
        return { ...asItem(known), ...about, ...times };
      }
      const { captureTimeMs, gpsTimeMs, place } = await inspectPicture(bytes, limits);
      const image = await decodePicture(bytes, {
        ...limits,
        sizePixels: HASH_SIZE_PIXELS,
        fit: 'squash',
      });
      return {
        ...about,
        sha256,
        captureTimeMs,
        gpsTimeMs,
        place,
        dhash: differenceHash(image),
        group: regroup ? null : (restored?.group ?? null),
        capturedAtMs: restored?.captured_at_ms ?? captureTimeMs ?? file.timeMs,
        fileTimeMs: file.timeMs,
      };
    } catch (error) {
      const obstacle = obstacleOf(error, origin);
      if (obstacle === null) throw error;
      await this.run.refuse(obstacle, bytes);
      return null;
    }
  }
}
