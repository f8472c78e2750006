import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { createRandom } from '../../src/base/random.js';
import {
  type Basis,
  basisFromMoment,
  identityBasis,
  project,
  SUMS_TRANSFORM,
} from '../../src/head/sums/basis.js';
import { sumsByClass } from '../../src/head/sums/task-sums.js';
import { transformFeatures } from '../../src/head/transform.js';
import { type Dealt, placesByLikeness } from './fleet-deals.js';
import { drawPhotos, readPhotoSet } from './life-data.js';
import { photoFeatures } from './photo-features.js';

/** Photos of a data set as rows of features. */
export interface Material extends Dealt {
  name: string;
  featureSize: number;
  /** rows x d, as the backbone gives them. */
  features: Float32Array;
  /** rows x d, as sums take them. */
  unit: Float32Array;
  /** Near-duplicates, or what was captured in one go. */
  groups: readonly string[];
  test: readonly number[];
  /** From the second moment of the training rows. */
  basis: Basis;
  /** Of that moment, as a robot sends it. */
  bytesOfMoment: number;
}

/** Rows of a material in a basis. */
export interface Projected {
  basis: Basis;
  /** rows x k */
  z: Float64Array;
}

/** Test rows: the official split, or a draw by seed in which near-duplicates stay together. */
export async function readMaterial(
  name: string,
  shared: string,
  backbone: string,
  directions: number,
): Promise<Material> {
  const folder = join(shared, 'data', name);
  const { train, test } = drawPhotos(await readPhotoSet(name, folder), 'test', 0);
  const photos = [...train, ...test];
  const { featureSize, features } = await photoFeatures(
    backbone,
    { folder, photos },
    `fleet-${name}`,
  );
  const unit = transformFeatures(features, featureSize, SUMS_TRANSFORM);
  const labels = photos.map(({ label }) => label);
  const trainRows = [...train.keys()];
  const paths = photos.map(({ path }) => path);
  const moment = momentOf(unit.subarray(0, train.length * featureSize), featureSize);
  return {
    name,
    featureSize,
    features,
    unit,
    labels,
    groups: photos.map(({ group }) => group),
    places: (robots) =>
      paths.every((path) => shelfOf(path) !== null)
        ? paths.map((path) => shelfOf(path)!)
        : placesByLikeness({ labels, train: trainRows, unit, featureSize }, robots),
    train: trainRows,
    test: photos.map((_, i) => i).slice(train.length),
    basis: basisFromMoment(moment, featureSize, directions),
    bytesOfMoment: deflateRawSync(new Uint8Array(Float32Array.from(moment).buffer)).length,
  };
}

/** Variety and number div 10 of a grocery photo: one shelf at one time. */
function shelfOf(path: string): string | null {
  const name = /\/(?:train|test)_(.*?)_.*?(\d+)\.jpg$/i.exec(path);
  return name && `${name[1]}/${Math.floor(Number(name[2]) / 10)}`;
}

function momentOf(unit: Float32Array, d: number): Float64Array {
  const z = Float64Array.from(unit);
  const rows = z.length / d;
  const one = Array.from({ length: rows }, () => 'all');
  return sumsByClass(z, d, one, new Float64Array(rows).fill(1))[0]!.sums.gram;
}

/** All rows in a basis. */
export function projected({ features }: Material, basis: Basis): Projected {
  return { basis, z: project(basis, features) };
}

export function inAllDirections(material: Material): Projected {
  return projected(material, identityBasis(material.featureSize));
}

/** Rows of a matrix with k columns. */
export function pickRows(z: Float64Array, k: number, rows: readonly number[]): Float64Array {
  const out = new Float64Array(rows.length * k);
  for (const [i, row] of rows.entries()) out.set(z.subarray(row * k, (row + 1) * k), i * k);
  return out;
}

/** Standard normal numbers that are the same in every run (Box & Muller 1958); for no secret. */
export function seededNormal(seed: number): () => number {
  const random = createRandom(seed);
  return () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
    return radius * Math.cos(2 * Math.PI * random.next());
  };
}
