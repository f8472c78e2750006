import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Embedder } from '../../src/backbone/embedder.js';
import type { CapturedPicture } from '../../src/camera/camera.js';
import { referenceLabel } from '../../src/camera/reference.js';
import { SimulatedDriver } from '../../src/camera/simulated/simulated-camera.js';
import { validateConfig } from '../../src/config/load.js';
import { differenceHash } from '../../src/vision/dhash.js';
import { groceryPhotos } from './grocery.js';
import { keep, lifeCache, readKept, say } from './life-places.js';
import { withEmbedder } from './photo-features.js';

/** A picture with what perception knows of it, and what it shows. */
export interface FootageFrame {
  label: string;
  /** Pictures of one thing, one after the other. */
  group: string;
  dhash: string;
  features: Float32Array;
}

/** Pictures in the order in which they were taken. */
export interface Footage {
  name: string;
  featureSize: number;
  frames: FootageFrame[];
}

type Facts = Omit<FootageFrame, 'features'>;

const BACKBONE = 'efficientnet-lite0-288';
/** Raised when the same names stand for other pictures. */
const VERSION = 1;

/**
 * The two halves of the grocery photos: series of shots of one variety, taken in other shops on either
 * side. Null when the data set is not beside the checkout.
 */
export async function groceryFootage(): Promise<Record<'train' | 'test', Footage> | null> {
  const grocery = groceryPhotos();
  if (!grocery) return null;
  const all = await footage('grocery', async (add) => {
    for (const { path, label, group } of grocery.photos) {
      await add({ jpeg: readFileSync(join(grocery.folder, path)), references: [{ label }], group });
    }
  });
  const half = (split: string): Footage => ({
    ...all,
    name: `grocery ${split}`,
    frames: all.frames.filter(({ group }) => group.startsWith(`${split}/`)),
  });
  return { train: half('train'), test: half('test') };
}

/** The first frames of a simulated field, of the camera of the product; thistles grow in its second half. */
export function fieldFootage(seed: number, frames: number): Promise<Footage> {
  return footage(`field-${seed}-${frames}`, async (add) => {
    const { cameras } = validateConfig({
      cameras: [{ driver: 'simulated', seed, intervalMs: 0, newWeedAfterFrames: frames / 2 }],
    });
    const camera = cameras[0];
    if (camera?.driver !== 'simulated') throw new Error('no simulated camera');
    const driver = new SimulatedDriver(camera);
    const enough = new AbortController();
    let taken = 0;
    await driver.capture(async (picture) => {
      await add(picture);
      taken += 1;
      if (taken === frames) enough.abort();
    }, enough.signal);
  });
}

/** Sends pictures through the embedder of the product, or reads what became of them the last time. */
async function footage(
  name: string,
  take: (add: (picture: CapturedPicture) => Promise<void>) => Promise<void>,
): Promise<Footage> {
  const path = join(lifeCache(), '..', 'belief', `${VERSION}-${name}`);
  const facts = readKept(`${path}.json`);
  const bytes = readKept(`${path}.f32`);
  if (facts && bytes) {
    return assembled(name, JSON.parse(facts.toString('utf8')) as Facts[], toFloats(bytes));
  }
  say(`${name}: embedding`);
  const kept: Facts[] = [];
  const rows: Float32Array[] = [];
  await withEmbedder(BACKBONE, async (embedder: Embedder) => {
    await take(async ({ group, ...picture }) => {
      const { features, image } = await embedder.embedPicture(picture.jpeg);
      rows.push(features);
      kept.push({ label: referenceLabel(picture)!, group: group!, dhash: differenceHash(image) });
    });
  });
  const features = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  for (const [i, row] of rows.entries()) features.set(row, i * row.length);
  keep(`${path}.f32`, new Uint8Array(features.buffer));
  keep(`${path}.json`, JSON.stringify(kept));
  return assembled(name, kept, features);
}

function toFloats(bytes: Uint8Array): Float32Array {
  const floats = new Float32Array(bytes.length / 4);
  new Uint8Array(floats.buffer).set(bytes);
  return floats;
}

function assembled(name: string, facts: readonly Facts[], features: Float32Array): Footage {
  const featureSize = features.length / facts.length;
  return {
    name,
    featureSize,
    frames: facts.map((fact, i) => ({
      ...fact,
      features: features.subarray(i * featureSize, (i + 1) * featureSize),
    })),
  };
}
