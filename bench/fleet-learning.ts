import { createRandom } from '../src/base/random.js';
import { encodeHead } from '../src/head/codec.js';
import { fitRidge, RIDGE_LAMBDAS } from '../src/head/learners/ridge.js';
import { indexOfLargest } from '../src/head/score.js';
import { type Basis, encodeBasis, SUMS_TRANSFORM } from '../src/head/sums/basis.js';
import type { LabelledSums } from '../src/head/sums/blend.js';
import { encodeCandidates } from '../src/head/sums/candidates.js';
import { headFromSums } from '../src/head/sums/fleet-head.js';
import { releaseSigma, withNoise } from '../src/head/sums/privacy.js';
import { ridgeFromSums } from '../src/head/sums/ridge-sums.js';
import { encodeSums } from '../src/head/sums/task-sums.js';
import { DEALS } from './support/fleet-deals.js';
import { type FlowerAnswer, runFlower, type Strategy } from './support/fleet-flower.js';
import {
  inAllDirections,
  type Material,
  type Projected,
  pickRows,
  projected,
  readMaterial,
  seededNormal,
} from './support/fleet-material.js';
import {
  accuracyOf,
  type LeftOut,
  leaveRobotsOut,
  Merged,
  outputs,
  pooledOutputs,
  sumsOf,
} from './support/fleet-merging.js';
import { sharedFolder } from './support/places.js';

const BACKBONE = 'efficientnet-lite0-288';
const SETS = ['grocery', 'roads'];
/** As the hub's setting by default. */
const DIRECTIONS = 256;
const ROBOTS = [6, 20, 100];
const ROUNDS = 50;
const SHOWN_ROUNDS = [1, 5, 20, 50];
const DELTA = 1e-5;
const EPSILONS = [1, 3, 10];
const NOISY_DIRECTIONS = [16, 64, DIRECTIONS];
const NOISE_DRAWS = 3;
/** Default of `fleet.minSamplesPerClass`. */
const MIN_SAMPLES = 5;
/** What the hub takes where no robot can judge. */
const USUAL = { lambdaIndex: Math.floor(RIDGE_LAMBDAS.length / 2), scale: 10 };
const SEED = 20_261_127;
/** A robot's backbone checksum is as long. */
const CHECKSUM = '0'.repeat(64);

interface Dealing {
  robots: number;
  split: string;
  parts: number[][];
}

/**
 * `npm run -s bench -- fleet-learning [--quick]`: what a fleet learns from sums in one round, beside
 * federated averaging with Flower, robots alone, and a training on all photos in one place.
 * `--quick`: grocery and 6 robots; `--sets=A,B`, `--robots=N,M`: these alone.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const quick = options.includes('--quick');
  const list = (name: string): string[] | undefined =>
    options
      .find((o) => o.startsWith(`--${name}=`))
      ?.slice(name.length + 3)
      .split(',');
  const sets = list('sets') ?? (quick ? SETS.slice(0, 1) : SETS);
  const robotCounts = list('robots')?.map(Number) ?? (quick ? ROBOTS.slice(0, 1) : ROBOTS);
  const shared = sharedFolder();
  if (shared === null) return { skipped: 'no data sets at ../shared/data (HEADLAND_SHARED)' };
  const startedAt = performance.now();
  const materials: Material[] = [];
  for (const name of SETS) materials.push(await readMaterial(name, shared, BACKBONE, DIRECTIONS));
  const about: Record<string, unknown> = {};
  const cells: Record<string, unknown>[] = [];
  let largestDifference = 0;
  for (const material of materials.filter(({ name }) => sets.includes(name))) {
    const foreign = materials.find((other) => other !== material)!.basis;
    const dealings = dealingsOf(material, robotCounts);
    const flower = await runFlower(
      material,
      dealings.map(({ parts }) => parts),
      ROUNDS,
    );
    const views = {
      own: projected(material, material.basis),
      all: inAllDirections(material),
      foreign: NOISY_DIRECTIONS.map((k) => projected(material, firstDirections(foreign, k))),
    };
    about[material.name] = aboutSet(material, flower[0]!);
    for (const [i, dealing] of dealings.entries()) {
      const cell = measure(material, views, dealing, flower[i]!);
      largestDifference = Math.max(largestDifference, cell.difference_to_pooled);
      cells.push(cell);
      process.stderr.write(`${JSON.stringify(cell)}\n`);
    }
  }
  return {
    backbone: BACKBONE,
    directions: DIRECTIONS,
    largest_difference_to_pooled: largestDifference,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    sets: about,
    cells,
  };
}

function dealingsOf(material: Material, robotCounts: readonly number[]): Dealing[] {
  return robotCounts.flatMap((robots) =>
    Object.entries(DEALS).map(([split, deal]) => ({
      robots,
      split,
      parts: deal(material, robots, createRandom(SEED + robots)),
    })),
  );
}

function aboutSet(material: Material, { pooled }: FlowerAnswer): Record<string, unknown> {
  const { train, test, labels } = material;
  const { lambda, accuracy } = trainedAlone(material, train);
  return {
    train: train.length,
    test: test.length,
    classes: new Set(labels).size,
    /** One standard error of an accuracy on so many photos. */
    standard_error: round(Math.sqrt((accuracy * (1 - accuracy)) / test.length)),
    pooled_training: round(accuracy),
    pooled_training_lambda: lambda,
    pooled_softmax: roundsOf(pooled),
    pooled_softmax_settings: settingsOf(pooled),
  };
}

interface Views {
  own: Projected;
  all: Projected;
  /** In directions of another data set, which tell nothing of these photos. */
  foreign: Projected[];
}

function measure(material: Material, views: Views, dealing: Dealing, flower: FlowerAnswer) {
  const { own, all } = views;
  const parts = dealing.parts.filter((rows) => rows.length > 0);
  const fleet = parts.map((rows) => sumsOf(material, own, rows));
  const merged = new Merged(DIRECTIONS, fleet).classes();
  const left = leaveRobotsOut(material, own, parts, fleet, RIDGE_LAMBDAS);
  const { lambdaIndex: l } = left.choice ?? USUAL;
  const heads = ridgeFromSums(merged);
  const sums = accuracyOf(material, own, heads, l);
  const wide = inAll(material, all, parts, l);
  const narrow = Math.max(
    ...[0, l, RIDGE_LAMBDAS.length - 1].map((at) => difference(material, own, heads, at)),
  );
  return {
    set: material.name,
    robots: dealing.robots,
    split: dealing.split,
    robots_with_photos: parts.length,
    lambda_index: l,
    lambda_chosen_by_robots: left.choice !== null,
    left_out_accuracy: left.choice && round(left.choice.accuracy),
    sums: round(sums),
    sums_all_directions: round(wide.accuracy),
    sums_of_5_or_more: atLeastFive(material, own, fleet, l),
    alone: round(mean(parts.map((rows) => trainedAlone(material, rows).accuracy))),
    fedavg: averagingFigures(flower.fedavg, sums),
    fedprox: averagingFigures(flower.fedprox, sums),
    noise: noisy(material, views.foreign, parts),
    difference_to_pooled: Math.max(narrow, wide.difference),
    bytes: bytesOf(material, { own, fleet, merged, left }, wide.bytes),
  };
}

/** The same without a basis. The sums of one robot after the other: all at once take some GB. */
function inAll(material: Material, all: Projected, parts: readonly number[][], l: number) {
  const merged = new Merged(material.featureSize, []);
  for (const rows of parts) merged.add(sumsOf(material, all, rows));
  const heads = ridgeFromSums(merged.classes());
  return {
    accuracy: accuracyOf(material, all, heads, l),
    difference: difference(material, all, heads, l),
    bytes: sumsBytes(sumsOf(material, all, parts[0]!), all.basis),
  };
}

function difference(
  material: Material,
  view: Projected,
  heads: ReturnType<typeof ridgeFromSums>,
  l: number,
): number {
  const ours = outputs(heads, l, pickRows(view.z, view.basis.directions, material.test));
  const pooled = pooledOutputs(material, view, RIDGE_LAMBDAS[l]!);
  return ours.reduce((most, value, i) => Math.max(most, Math.abs(value - pooled[i]!)), 0);
}

/** With the classes of which a robot may send sums by default. */
function atLeastFive(
  material: Material,
  own: Projected,
  fleet: readonly LabelledSums[][],
  l: number,
): number | null {
  const merged = new Merged(DIRECTIONS, fleet.map(enough)).classes();
  return merged.length < 2 ? null : round(accuracyOf(material, own, ridgeFromSums(merged), l));
}

function enough(own: readonly LabelledSums[]): LabelledSums[] {
  return own.filter(({ sums }) => sums.samples >= MIN_SAMPLES);
}

/** The head that a robot trains from its photos alone; a robot with one class always answers it. */
function trainedAlone(material: Material, rows: readonly number[]) {
  const { featureSize: d, features, groups, labels, unit, test } = material;
  const names = [...new Set(rows.map((row) => labels[row]!))].sort();
  if (names.length === 1) {
    const right = test.filter((row) => labels[row] === names[0]);
    return { lambda: null, accuracy: right.length / test.length };
  }
  const own = new Float32Array(rows.length * d);
  for (const [i, row] of rows.entries()) own.set(features.subarray(row * d, (row + 1) * d), i * d);
  const ownGroups = [...new Set(rows.map((row) => groups[row]!))];
  const { weights, bias, lambda } = fitRidge(
    {
      features: own,
      rows: rows.length,
      featureSize: d,
      labels: Int32Array.from(rows, (row) => names.indexOf(labels[row]!)),
      groups: Int32Array.from(rows, (row) => ownGroups.indexOf(groups[row]!)),
      isView: new Uint8Array(rows.length),
      classCount: names.length,
    },
    { transform: SUMS_TRANSFORM },
  );
  const z = Float64Array.from(test.flatMap((row) => [...unit.subarray(row * d, (row + 1) * d)]));
  const heads = {
    labels: names,
    lambdas: [lambda],
    weights: [Float64Array.from(weights)],
    bias: [Float64Array.from(bias)],
  };
  const out = outputs(heads, 0, z);
  const right = test.filter(
    (row, i) => names[indexOfLargest(out, i * names.length, names.length)] === labels[row],
  );
  return { lambda, accuracy: right.length / test.length };
}

/**
 * Accuracy with noise for (ε, δ), one release, mean of a few draws: the sums are all that is sent, because
 * the directions are those of another data set and λ is the usual one.
 */
function noisy(material: Material, foreign: readonly Projected[], parts: readonly number[][]) {
  return foreign.map((view) => {
    const k = view.basis.directions;
    const fleet = parts.map((rows) => enough(sumsOf(material, view, rows)));
    const sending = fleet.filter((own) => own.length > 0);
    const accuracy = (sigma: number, seed: number): number | null => {
      const normal = seededNormal(seed);
      const noise = (own: LabelledSums[]) =>
        own.map(({ label, sums }) => ({ label, sums: withNoise(sums, sigma, normal) }));
      const merged = new Merged(k, sigma === 0 ? sending : sending.map(noise)).classes();
      if (merged.length < 2) return null;
      const senders = Math.max(
        ...merged.map(
          ({ label }) => sending.filter((own) => own.some((c) => c.label === label)).length,
        ),
      );
      const heads = ridgeFromSums(merged, { variance: senders * sigma ** 2 });
      return accuracyOf(material, view, heads, USUAL.lambdaIndex);
    };
    const figures: Record<string, number | null> = {
      directions: k,
      no_noise: rounded(accuracy(0, SEED)),
    };
    for (const epsilon of EPSILONS) {
      const sigma = releaseSigma({ epsilon, delta: DELTA, releases: 1 });
      const draws = Array.from({ length: NOISE_DRAWS }, (_, i) => accuracy(sigma, SEED + i));
      const known = draws.filter((value) => value !== null);
      figures[`epsilon_${epsilon}`] = known.length === 0 ? null : round(mean(known));
    }
    return figures;
  });
}

function firstDirections(basis: Basis, k: number): Basis {
  const { featureSize, vectors } = basis;
  return {
    featureSize,
    directions: k,
    vectors: vectors!.slice(0, k * featureSize),
    checksum: CHECKSUM,
  };
}

function averagingFigures(strategy: Strategy, sums: number) {
  const { accuracy } = strategy;
  return {
    ...roundsOf(strategy),
    ...settingsOf(strategy),
    best_of_rounds: round(Math.max(...accuracy)),
    rounds_to_sums: firstRound(accuracy, sums),
    rounds_to_sums_less_one_point: firstRound(accuracy, sums - 0.01),
  };
}

function roundsOf({ accuracy }: Strategy): Record<string, number> {
  return Object.fromEntries(SHOWN_ROUNDS.map((n) => [`rounds_${n}`, round(accuracy[n - 1]!)]));
}

function settingsOf({ rate, epochs, mu, transform, heldAccuracy }: Strategy) {
  return { rate, epochs, mu, transform, held_accuracy: round(heldAccuracy) };
}

function firstRound(accuracy: readonly number[], goal: number): number | null {
  const at = accuracy.findIndex((value) => value >= goal);
  return at < 0 ? null : at + 1;
}

interface Sent {
  own: Projected;
  fleet: readonly LabelledSums[][];
  merged: readonly LabelledSums[];
  left: LeftOut;
}

/** Of each object that one robot sends or takes, before MQTT's own headers. */
function bytesOf(material: Material, { own, fleet, merged, left }: Sent, wide: number) {
  const { basis } = own;
  const novelty = left.example?.answers.novelty ?? [];
  const { lambdaIndex, scale } = left.choice ?? USUAL;
  const head = headFromSums(merged, {
    backboneChecksum: CHECKSUM,
    basis,
    lambda: RIDGE_LAMBDAS[lambdaIndex]!,
    scale,
    novelty,
  });
  const sizes = fleet.slice(0, 10).map((classes) => sumsBytes(classes, basis));
  return {
    up_moment_once: material.bytesOfMoment,
    up_sums: Math.round(mean(sizes)),
    up_sums_all_directions_of_one_robot: wide,
    up_evaluation: left.example && JSON.stringify(left.example.answers).length,
    down_basis_once: encodeBasis(basis).length,
    down_candidates: left.example && encodeCandidates(left.example.candidates).length,
    down_head: encodeHead(head).length,
    down_prior_for_blending: sumsBytes(merged, basis),
    /** Float32 weights and biases up and down. */
    averaging_a_round: 2 * 4 * new Set(material.labels).size * (material.featureSize + 1),
    /** Features themselves, float32: what sums are meant not to send. */
    features_of_a_robot: Math.round(
      (4 * material.featureSize * material.train.length) / fleet.length,
    ),
  };
}

function sumsBytes(classes: readonly LabelledSums[], basis: Basis): number {
  return encodeSums({
    backboneChecksum: CHECKSUM,
    basisChecksum: basis.checksum,
    directions: basis.directions,
    sigma: 0,
    classes: [...classes],
  }).length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function rounded(value: number | null): number | null {
  return value === null ? null : round(value);
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
