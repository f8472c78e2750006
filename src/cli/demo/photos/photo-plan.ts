import { stat } from 'node:fs/promises';
import { HeadlandError, isHeadlandError } from '../../../base/errors.js';
import { fileProblem } from '../../../base/files/file-problem.js';
import { hammingDistance } from '../../../base/hamming.js';
import { createRandom, seedFrom, shuffled } from '../../../base/random.js';
import { listIn } from '../../../base/values/list-in.js';
import { listPhotos, type Photo } from '../../../camera/drivers/photo-folder.js';
import { referenceLabel } from '../../../camera/reference.js';
import { decodePicture } from '../../../vision/decode.js';
import { differenceHash } from '../../../vision/dhash.js';
import { readPictureFile } from '../../../vision/folder/read-picture-file.js';
import type { RgbImage } from '../../../vision/image.js';
import { linkName, type PhotoPlan, type PlannedPhoto } from './planned-photo.js';

/** Share of the photos of a class that are never labelled. */
const UNTAUGHT_SHARE = 0.3;
/** Photos of a class that are looked at; more would take minutes before anything is to be seen. */
const MAX_PHOTOS_PER_CLASS = 200;
const MAX_PHOTOS = 1_000;
/** Read at the same time. */
const AT_ONCE = 4;
const LIMITS = { maxBytes: 64 * 1024 * 1024, maxPixels: 100_000_000 };
const HASH_SIZE_PIXELS = 72;
/** As the import joins near-duplicates. */
const MAX_BITS = 10;

/** Photos by class, in an order drawn by their names; see {@link findPhotos}. */
export type FoundPhotos = ReadonlyMap<string, readonly Photo[]>;

/**
 * Divides a folder of class folders: about 30 % of the photos of each class are held back, by whole
 * groups (photos numbered in a row, and near-duplicates, also turned or mirrored ones), so that no
 * photo that is measured on resembles one that was labelled.
 * @param alreadyTaught names of the links to photos that were labelled in earlier runs: they are not held back
 * @param photos of {@link findPhotos}
 * @throws HeadlandError HL_USAGE_PHOTOS: fewer than two classes have a readable photo
 */
export async function planPhotos(
  dir: string,
  photos: FoundPhotos,
  alreadyTaught: ReadonlySet<string>,
  onProgress: (done: number, total: number) => void,
): Promise<PhotoPlan> {
  const total = [...photos.values()].reduce((sum, of) => sum + of.length, 0);
  const plan: PhotoPlan = { taught: [], untaught: [] };
  let done = 0;
  for (const [label, found] of photos) {
    const readable: { photo: Photo; hashes: string[] }[] = [];
    for (let from = 0; from < found.length; from += AT_ONCE) {
      const some = found.slice(from, from + AT_ONCE);
      const hashed = await Promise.all(some.map((photo) => hashesOf(photo)));
      for (const [i, hashes] of hashed.entries()) {
        if (hashes !== null) readable.push({ photo: some[i]!, hashes });
      }
      done += some.length;
      onProgress(done, total);
    }
    const groups = groupsOf(readable);
    const groupOf = new Map(groups.flatMap((of, i) => of.map((photo) => [photo, `${label} ${i}`])));
    const planned = (photo: Photo): PlannedPhoto => {
      const { path, origin } = photo;
      return { path, origin, label, group: groupOf.get(photo) ?? origin };
    };
    const { taught, untaught } = divide(groups, alreadyTaught, label);
    plan.taught.push(...taught.map(planned));
    plan.untaught.push(...untaught.map(planned));
  }
  const classes = new Set([...plan.taught, ...plan.untaught].map(({ label }) => label));
  if (classes.size >= 2) return plan;
  throw unusable(
    dir,
    classes.size === 0
      ? 'has no readable photo in its class folders'
      : `has readable photos of one class only (${[...classes].join()})`,
  );
}

/** @throws HeadlandError HL_USAGE_PHOTOS: no folder with two or more class folders */
export async function findPhotos(dir: string): Promise<FoundPhotos> {
  const found = await stat(dir).catch((error: unknown) => {
    throw unusable(dir, `cannot be read: ${fileProblem(error)}`);
  });
  if (!found.isDirectory()) throw unusable(dir, 'is not a folder');
  const { photos, unclear } = await listPhotos(dir, null).catch((error: unknown) => {
    if (!isHeadlandError(error)) throw error;
    throw unusable(dir, error.code === 'HL_CAMERA_NO_PICTURE' ? 'has no photo' : error.message);
  });
  const classes = new Map<string, Photo[]>();
  for (const photo of photos) {
    const label = referenceLabel(photo);
    if (label !== undefined) listIn(classes, label).push(photo);
  }
  if (classes.size < 2) {
    const why = unclear === null ? '' : ` (${unclear})`;
    throw unusable(
      dir,
      `has ${classes.size === 0 ? 'no class folder' : 'a single class folder'}${why}`,
    );
  }
  const most = Math.min(MAX_PHOTOS_PER_CLASS, Math.ceil(MAX_PHOTOS / classes.size));
  return new Map(
    [...classes].map(([label, of]) => [
      label,
      shuffled(of, createRandom(seedFrom('demo', label))).slice(0, most),
    ]),
  );
}

function unusable(dir: string, why: string): HeadlandError {
  return new HeadlandError('HL_USAGE_PHOTOS', `${dir} ${why}`, {
    remedy:
      'Give --photos a folder with one folder of photos for each of two or more classes, such as photos/weed and photos/crop.',
    details: { dir },
  });
}

/** Difference hashes of the photo and of its turned and mirrored versions; null: it is unreadable. */
async function hashesOf({ path }: Photo): Promise<string[] | null> {
  try {
    const { bytes } = await readPictureFile(path, LIMITS);
    const how = { ...LIMITS, sizePixels: HASH_SIZE_PIXELS, fit: 'squash' } as const;
    let image = await decodePicture(bytes, how);
    const hashes: string[] = [];
    for (let turn = 0; turn < 4; turn++) {
      hashes.push(differenceHash(image), differenceHash(mirrored(image)));
      image = turned(image);
    }
    return hashes;
  } catch {
    return null;
  }
}

/** Photos of one class that must not be separated. */
function groupsOf(photos: readonly { photo: Photo; hashes: string[] }[]): Photo[][] {
  const parent = photos.map((_, i) => i);
  const rootOf = (i: number): number => {
    let at = i;
    while (parent[at] !== at) at = parent[at]!;
    return at;
  };
  const byName = new Map<string, number>();
  photos.forEach(({ photo, hashes }, i) => {
    const named = photo.group === undefined ? undefined : byName.get(photo.group);
    if (named !== undefined) parent[rootOf(i)] = rootOf(named);
    else if (photo.group !== undefined) byName.set(photo.group, i);
    for (let j = 0; j < i; j++) {
      const other = photos[j]!.hashes[0]!;
      if (hashes.some((hash) => hammingDistance(hash, other) <= MAX_BITS)) {
        parent[rootOf(i)] = rootOf(j);
      }
    }
  });
  const groups = new Map<number, Photo[]>();
  for (const [i, { photo }] of photos.entries()) listIn(groups, rootOf(i)).push(photo);
  return [...groups.values()];
}

/** Holds whole groups back, the small ones first; at least one group stays to be taught. */
function divide(
  groups: readonly Photo[][],
  alreadyTaught: ReadonlySet<string>,
  label: string,
): { taught: Photo[]; untaught: Photo[] } {
  const photos = groups.flat();
  const wanted = UNTAUGHT_SHARE * photos.length;
  const random = createRandom(seedFrom('held back', label));
  const free = shuffled(
    groups.filter(
      (group) => !group.some(({ origin }) => alreadyTaught.has(linkName({ origin, label }))),
    ),
    random,
  ).sort((a, b) => Math.ceil(a.length / wanted) - Math.ceil(b.length / wanted));
  const untaught: Photo[] = [];
  let left = groups.length;
  for (const group of free) {
    if (untaught.length >= wanted || left === 1) break;
    // A group of most photos of its class would leave too few to learn from.
    if (untaught.length + group.length > Math.max(1, photos.length / 2)) continue;
    untaught.push(...group);
    left -= 1;
  }
  const back = new Set(untaught);
  return { taught: photos.filter((photo) => !back.has(photo)), untaught };
}

/** By 90 degrees. */
function turned({ width, height, data }: RgbImage): RgbImage {
  return moved(height, width, (x, y) => (width - 1 - y + x * width) * 3, data);
}

function mirrored({ width, height, data }: RgbImage): RgbImage {
  return moved(width, height, (x, y) => (y * width + (width - 1 - x)) * 3, data);
}

function moved(
  width: number,
  height: number,
  from: (x: number, y: number) => number,
  data: Uint8Array,
): RgbImage {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = from(x, y);
      pixels.set(data.subarray(at, at + 3), (y * width + x) * 3);
    }
  }
  return { width, height, data: pixels };
}
