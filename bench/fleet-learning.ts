import { join } from 'node:path';
import { createRandom } from '../src/base/random.js';
import { fitRidge } from '../src/head/learners/ridge.js';
import { indexOfLargest } from '../src/head/score.js';
import {
  type Basis,
  basisFromMoment,
  encodeBasis,
  identityBasis,
  project,
  SUMS_TRANSFORM,
} from '../src/head/sums/basis.js';
import type { LabelledSums } from '../src/head/sums/blend.js';
import { candidatesOf, chooseCandidate, judgeCandidates } from '../src/head/sums/candidates.js';
import { flatLength, flatten, unflatten } from '../src/head/sums/class-sums.js';
import { ExactSums } from '../src/head/sums/exact-sums.js';
import { gaussiansFromSums } from '../src/head/sums/gaussian-sums.js';
import { releaseSigma, withNoise } from '../src/head/sums/privacy.js';
import { type RidgeHeads, ridgeFromSums } from '../src/head/sums/ridge-sums.js';
import { encodeSums, sumsByClass } from '../src/head/sums/task-sums.js';
import { dealByClass, dealByGroup, dealRandomly } from './support/fleet-deals.js';
import { runFlower } from './support/fleet-flower.js';
import { drawPhotos, readPhotoSet } from './support/life-data.js';
import { photoFeatures } from './support/photo-features.js';
import { sharedFolder } from './support/places.js';

const BACKBONE = 'efficientnet-lite0-288';
const DIRECTIONS = 256;
const ROBOTS = [6, 20, 100];
const DELTA = 1e-5;
const EPSILONS = [1, 3, 10];
const ROUNDS = 50;
const SHOWN_ROUNDS = [1, 5, 20, 50];
const SEED = 20_261_127;
/** Default of `fleet.minSamplesPerClass`. */
const MIN_SAMPLES = 5;
/** Of λ and scale where robots with noise send no evaluations, as the hub does. */
const BLIND = { lambdaIndex: 4, scale: 10 };

/** Photos as rows of features, and which are the test. */
interface Material {
  name: string;
  featureSize: number;
  features: Float32Array;
  labels: string[];
  groups: string[];
  train: number[];
  test: number[];
}

/**
 * `npm run -s bench -- fleet-learning [--quick]`: what a fleet learns from sums, beside federated averaging with
 * Flower, robots alone and a training on all samples in one place.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const quick = options.includes('--quick');
  const shared = sharedFolder();
  if (shared === null) return { skipped: 'no ../shared/data' };
  const cells: Record<string, unknown>[] = [];
  let largestDifference = 0;
  for (const name of quick ? ['grocery'] : ['grocery', 'roads']) {
    const material = await read(name, join(shared, 'data', name));
    for (const robots of quick ? [6] : ROBOTS) {
      for (const [split, deal] of [
        ['random', dealRandomly],
        ['class', dealByClass],
        ['place', dealByGroup],
      ] as const) {
        const random = createRandom(SEED + robots);
        const parts = deal(material, robots, random);
        const cell = await measure(material, parts, robots);
        largestDifference = Math.max(largestDifference, cell.difference);
        cells.push({ set: name, robots, split, ...cell });
        process.stderr.write(`${name} ${robots} ${split}: ${JSON.stringify(cell)}\n`);
      }
    }
  }
  return { backbone: BACKBONE, largest_difference: largestDifference, cells };
}

async function read(name: string, folder: string): Promise<Material> {
  const set = await readPhotoSet(name, folder);
  const { train, test } = drawPhotos(set, 'test', 0);
  const photos = [...train, ...test];
  const { featureSize, features } = await photoFeatures(BACKBONE, { folder, photos }, name);
  return {
    name,
    featureSize,
    features,
    labels: photos.map(({ label }) => label),
    groups: photos.map(({ group }) => group),
    train: [...train.keys()],
    test: photos.map((_, i) => i).slice(train.length),
  };
}

async function measure(material: Material, parts: readonly number[][], robots: number) {
  const { featureSize } = material;
  const whole = identityBasis(featureSize);
  const z = rowsIn(material, whole, material.train);
  const moment = momentOf(z, featureSize);
  const basis = basisFromMoment(moment, featureSize, DIRECTIONS);
  const pooled = sumsOf(material, material.train, whole);
  const fleet = parts.map((rows) => sumsOf(material, rows, basis));
  const merged = merge(fleet, DIRECTIONS);
  const choice = chosen(material, parts, fleet, basis);
  const score = (classes: readonly LabelledSums[], used: Basis, at: number, variance = 0): number =>
    accuracyOf(material, ridgeFromSums(classes, { variance }), used, at);
  const atLeast = fleet.map((own) => own.filter(({ sums }) => sums.samples >= MIN_SAMPLES));
  const kept = atLeast.filter((own) => own.length > 0);
  const flower = await runFlower(material, parts, ROUNDS);
  const sums = score(merged, basis, choice.lambdaIndex);
  return {
    train: material.train.length,
    test: material.test.length,
    lambda_index: choice.lambdaIndex,
    scale: choice.scale,
    loro_accuracy: round(choice.accuracy),
    sums: round(sums),
    sums_all_directions:
      robots === ROBOTS[0]
        ? round(
            score(
              merge(
                parts.map((rows) => sumsOf(material, rows, whole)),
                featureSize,
              ),
              whole,
              choice.lambdaIndex,
            ),
          )
        : null,
    sums_of_5_or_more:
      kept.length > 0 && merge(kept, DIRECTIONS).length >= 2
        ? round(score(merge(kept, DIRECTIONS), basis, choice.lambdaIndex))
        : null,
    pooled: round(score(pooled, whole, choice.lambdaIndex)),
    alone: round(alone(material, parts)),
    ...noisy(material, fleet, basis),
    ...flowerFigures(flower, sums),
    bytes_of_sums_a_robot: bytesOf(fleet, basis),
    bytes_of_all_directions: bytesOf([sumsOf(material, parts[0]!, whole)], whole),
    bytes_of_basis: encodeBasis(basis).length,
    bytes_of_a_round: 2 * 4 * new Set(material.labels).size * (featureSize + 1),
    difference: difference(material, basis, merged),
  };
}

/** Largest difference in outputs between the sums of all robots and those of all samples in one place. */
function difference(material: Material, basis: Basis, merged: readonly LabelledSums[]): number {
  const a = ridgeFromSums(merged);
  const b = ridgeFromSums(sumsOf(material, material.train, basis));
  const z = rowsIn(material, basis, material.test);
  let largest = 0;
  for (const l of a.lambdas.keys()) {
    const x = outputs(a, l, z, basis.directions);
    const y = outputs(b, l, z, basis.directions);
    for (let i = 0; i < x.length; i++) largest = Math.max(largest, Math.abs(x[i]! - y[i]!));
  }
  return largest;
}

/** λ and scale by leaving robots out, as the hub chooses them. */
function chosen(
  material: Material,
  parts: readonly number[][],
  fleet: readonly LabelledSums[][],
  basis: Basis,
) {
  const answers = parts.flatMap((rows, robot) => {
    const others = merge(
      fleet.filter((_, i) => i !== robot),
      basis.directions,
    );
    if (others.length < 2 || rows.length === 0) return [];
    const candidates = candidatesOf(ridgeFromSums(others), gaussiansFromSums(others));
    const labels = rows.map((row) => material.labels[row]!);
    const shares = new Float64Array(rows.length).fill(1);
    return [judgeCandidates(candidates, rowsIn(material, basis, rows), labels, shares)];
  });
  const heads = ridgeFromSums(merge(fleet, basis.directions));
  const choice = chooseCandidate(answers, heads.lambdas);
  return choice ?? { ...BLIND, accuracy: 0 };
}

function noisy(material: Material, fleet: readonly LabelledSums[][], basis: Basis) {
  const figures: Record<string, number> = {};
  for (const epsilon of EPSILONS) {
    // The second moment was sent before.
    const sigma = releaseSigma({ epsilon, delta: DELTA, releases: 2 });
    const hidden = fleet
      .map((own) => own.filter(({ sums }) => sums.samples >= MIN_SAMPLES))
      .map((own) => own.map(({ label, sums }) => ({ label, sums: withNoise(sums, sigma) })))
      .filter((own) => own.length > 0);
    const merged = hidden.length > 0 ? merge(hidden, basis.directions) : [];
    const variance = hidden.length * sigma ** 2;
    figures[`sums_epsilon_${epsilon}`] =
      merged.length < 2
        ? 0
        : round(
            accuracyOf(material, ridgeFromSums(merged, { variance }), basis, BLIND.lambdaIndex),
          );
  }
  return figures;
}

function flowerFigures(flower: Awaited<ReturnType<typeof runFlower>>, sums: number) {
  if (!flower) return {};
  const figures: Record<string, unknown> = { flwr: flower.flwr };
  for (const [name, { accuracy, rate, epochs, mu }] of Object.entries(flower.strategies)) {
    for (const n of SHOWN_ROUNDS) figures[`${name}_${n}`] = round(accuracy[n - 1]!);
    const reached = accuracy.findIndex((value) => value >= sums);
    figures[`${name}_rounds_to_sums`] = reached < 0 ? null : reached + 1;
    figures[`${name}_settings`] = { rate, epochs, mu };
  }
  return figures;
}

/** Mean accuracy of the heads that robots train by themselves; one class alone is always answered. */
function alone(material: Material, parts: readonly number[][]): number {
  const { featureSize: d, features, test, labels } = material;
  const scores = parts
    .filter((rows) => rows.length > 0)
    .map((rows) => {
      const names = [...new Set(rows.map((row) => labels[row]!))].sort();
      if (names.length === 1) {
        return test.filter((row) => labels[row] === names[0]).length / test.length;
      }
      const own = new Float32Array(rows.length * d);
      for (const [i, row] of rows.entries())
        own.set(features.subarray(row * d, (row + 1) * d), i * d);
      const groups = [...new Set(rows.map((row) => material.groups[row]!))];
      const fit = fitRidge(
        {
          features: own,
          rows: rows.length,
          featureSize: d,
          labels: Int32Array.from(rows, (row) => names.indexOf(labels[row]!)),
          groups: Int32Array.from(rows, (row) => groups.indexOf(material.groups[row]!)),
          isView: new Uint8Array(rows.length),
          classCount: names.length,
        },
        { transform: SUMS_TRANSFORM },
      );
      const z = rowsIn(material, identityBasis(d), test);
      const heads = {
        labels: names,
        lambdas: [fit.lambda],
        weights: [Float64Array.from(fit.weights)],
        bias: [Float64Array.from(fit.bias)],
      };
      return hits(material, names, outputs(heads, 0, z, d)) / test.length;
    });
  return scores.reduce((sum, value) => sum + value, 0) / scores.length;
}

function accuracyOf(material: Material, heads: RidgeHeads, basis: Basis, l: number): number {
  const z = rowsIn(material, basis, material.test);
  return (
    hits(material, heads.labels, outputs(heads, l, z, basis.directions)) / material.test.length
  );
}

function hits({ test, labels }: Material, names: readonly string[], out: Float64Array): number {
  const c = names.length;
  return test.filter((row, i) => names[indexOfLargest(out, i * c, c)] === labels[row]).length;
}

function outputs(heads: RidgeHeads, l: number, z: Float64Array, k: number): Float64Array {
  const c = heads.labels.length;
  const out = new Float64Array((z.length / k) * c);
  for (let row = 0; row * k < z.length; row++) {
    for (let i = 0; i < c; i++) {
      let value = heads.bias[l]![i]!;
      for (let j = 0; j < k; j++) value += heads.weights[l]![i * k + j]! * z[row * k + j]!;
      out[row * c + i] = value;
    }
  }
  return out;
}

function rowsIn({ features, featureSize: d }: Material, basis: Basis, rows: readonly number[]) {
  const own = new Float32Array(rows.length * d);
  for (const [i, row] of rows.entries()) own.set(features.subarray(row * d, (row + 1) * d), i * d);
  return project(basis, own);
}

function sumsOf(material: Material, rows: readonly number[], basis: Basis): LabelledSums[] {
  const labels = rows.map((row) => material.labels[row]!);
  const shares = new Float64Array(rows.length).fill(1);
  return sumsByClass(rowsIn(material, basis, rows), basis.directions, labels, shares);
}

/** Adds sums as the hub does. */
function merge(fleet: readonly (readonly LabelledSums[])[], k: number): LabelledSums[] {
  const byLabel = new Map<string, ExactSums>();
  for (const own of fleet) {
    for (const { label, sums } of own) {
      const all = byLabel.get(label) ?? new ExactSums(flatLength(k));
      all.add(flatten(sums));
      byLabel.set(label, all);
    }
  }
  return [...byLabel]
    .map(([label, sums]) => ({ label, sums: unflatten(sums.value(), k) }))
    .sort((a, b) => (a.label < b.label ? -1 : 1));
}

function momentOf(z: Float64Array, d: number): Float64Array {
  const rows = [...Array(z.length / d).keys()];
  const all = sumsByClass(
    z,
    d,
    rows.map(() => 'all'),
    new Float64Array(rows.length).fill(1),
  );
  return all[0]!.sums.gram;
}

/** Mean length of what a robot sends. */
function bytesOf(fleet: readonly LabelledSums[][], basis: Basis): number {
  const sizes = fleet
    .filter((own) => own.length > 0)
    .map(
      (classes) =>
        encodeSums({
          backboneChecksum: 'x'.repeat(64),
          basisChecksum: basis.checksum,
          directions: basis.directions,
          sigma: 0,
          classes,
        }).length,
    );
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / sizes.length);
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
