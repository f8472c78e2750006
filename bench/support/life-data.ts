import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openState } from '../../src/agent/open-state.js';
import { validateConfig } from '../../src/config/load.js';
import { importFolder } from '../../src/samples/folder/import-folder.js';
import { digest, keep, keptJson, lifeCache, say } from './life-places.js';
import { groupRows, shuffled, splitGroups } from './life-split.js';

/** A distinct photo of a data set. */
export interface Photo {
  /** Below the folder of the set. */
  path: string;
  label: string;
  /** Of the file, hex. */
  sha256: string;
  /** The product's group: near-duplicates of a class, or what was captured in one go. */
  group: string;
  /** Where the set says so itself. */
  split: 'train' | 'test' | null;
}

export interface PhotoSet {
  name: string;
  folder: string;
  photos: Photo[];
}

/** What one life sees of a set. */
export interface Draw {
  set: PhotoSet;
  classes: string[];
  /** May be labelled. */
  train: Photo[];
  test: Photo[];
}

export type Part = 'train' | 'test';

/** Share of the photos that are the test where a set has no official split. */
const TEST_SHARE = 0.4;
/** Of the training photos, in part `train`. */
const INNER_TEST_SHARE = 0.5;
/** The draw of the test part is the same in every run, or tuning would look at it. */
const TEST_SEED = 20_260_801;

/**
 * Reads a folder of class folders, or of `train/` and `test/` with class folders in them. Which
 * photos are usable and which belong together is what an import of the product says.
 */
export async function readPhotoSet(name: string, folder: string): Promise<PhotoSet> {
  const kept = join(lifeCache(), 'listings', `${digest([2, folder, listing(folder)])}.json`);
  const known = keptJson<Photo[]>(kept);
  if (known) return { name, folder, photos: known };
  say(`${name}: looking at the photos`);
  const parts = (['train', 'test'] as const).filter((part) =>
    readdirSync(folder).some((entry) => entry === part),
  );
  const photos =
    parts.length === 2
      ? (await Promise.all(parts.map((part) => importedPhotos(folder, part)))).flat()
      : await importedPhotos(folder, null);
  photos.sort((a, b) => (a.path < b.path ? -1 : 1));
  keep(kept, JSON.stringify(photos));
  return { name, folder, photos };
}

function listing(folder: string): [string, number][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry): [string, number] => {
      const path = join(entry.parentPath, entry.name);
      return [path, statSync(path).size];
    })
    .sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

async function importedPhotos(folder: string, part: 'train' | 'test' | null): Promise<Photo[]> {
  const stateDir = mkdtempSync(join(tmpdir(), 'headland-life-set-'));
  const config = validateConfig({ paths: { stateDir, cacheDir: stateDir } });
  const state = openState(config);
  try {
    await importFolder(state.task().samples, part ? join(folder, part) : folder, {
      limits: {
        maxBytes: config.inference.maxPictureBytes,
        maxPixels: config.inference.maxPicturePixels,
      },
    });
    const photos: Photo[] = [];
    for (let afterId = ''; ; ) {
      const page = state.task().samples.list({ afterId, labelled: true, limit: 1_000 });
      for (const { origin, label, pictureSha256, group } of page) {
        const path = part ? `${part}/${origin}` : String(origin);
        const prefix = /(?:^|\/)(train|test)_[^/]*$/.exec(path)?.[1] ?? null;
        const split = part ?? (prefix as Photo['split']);
        photos.push({ path, label: label!, sha256: pictureSha256, group, split });
      }
      if (page.length === 0) return photos;
      afterId = page.at(-1)!.id;
    }
  } finally {
    state.close();
    rmSync(stateDir, { recursive: true });
  }
}

/**
 * Divides a set for one label order. Part `test`: the official split, or the one draw that is the
 * same for all orders. Part `train`: the training photos alone, divided anew for each order; the
 * test photos are not looked at.
 */
export function drawPhotos(set: PhotoSet, part: Part, order: number): Draw {
  const classes = [...new Set(set.photos.map((photo) => photo.label))].sort();
  const official = set.photos.some(({ split }) => split === 'test');
  const outer = official
    ? {
        train: set.photos.filter(({ split }) => split !== 'test'),
        test: set.photos.filter(({ split }) => split === 'test'),
      }
    : halves(set.photos, TEST_SHARE, TEST_SEED);
  const { train, test } =
    part === 'test' ? outer : halves(outer.train, INNER_TEST_SHARE, 1_000 + order);
  return { set, classes, train, test };
}

function halves(photos: Photo[], share: number, seed: number): { train: Photo[]; test: Photo[] } {
  const sorted = [...photos].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  const inTest = splitGroups(sorted, groupRows(sorted), share, seed);
  return {
    train: sorted.filter((_, i) => !inTest[i]),
    test: sorted.filter((_, i) => inTest[i]),
  };
}

/** Photos of each class in the order in which their labels arrive. */
export function labelOrder({ classes, train }: Draw, order: number): Map<string, Photo[]> {
  return new Map(
    classes.map((label, i) => [
      label,
      shuffled(
        train.filter((photo) => photo.label === label),
        7_919 * (order + 1) + i,
      ),
    ]),
  );
}
