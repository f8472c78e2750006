import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../src/base/random.js';
import type { Head } from '../../src/head/head.js';
import { headProbabilities, indexOfLargest } from '../../src/head/score.js';
import { identityBasis, project } from '../../src/head/sums/basis.js';
import { blendSums, type LabelledSums } from '../../src/head/sums/blend.js';
import { headFromSums } from '../../src/head/sums/fleet-head.js';
import { HISTOGRAM_BINS } from '../../src/head/sums/gaussian-sums.js';
import { sumsByClass } from '../../src/head/sums/task-sums.js';
import type { TrainingSet } from '../../src/head/training-set.js';
import { headOf } from '../../src/training/fit/fit-head.js';
import { type FleetPrior, fitFleetHead } from '../../src/training/fit/fleet-recipe.js';

const D = 32;
const LABELS = ['apple', 'beet', 'carrot', 'date'];

function photos(
  rows: number,
  seed: number,
  { classes = [0, 1, 2, 3] }: { classes?: number[] } = {},
): { features: Float32Array; labels: number[] } {
  const random = createRandom(seed);
  const features = new Float32Array(rows * D);
  const labels: number[] = [];
  for (let row = 0; row < rows; row++) {
    const label = classes[row % classes.length]!;
    labels.push(label);
    for (let j = 0; j < D; j++) {
      const own = j % LABELS.length === label ? 0.6 : 0;
      features[row * D + j] = 1 + own + (random.next() - 0.5) * 2.4;
    }
  }
  return { features, labels };
}

function sumsOf({ features, labels }: { features: Float32Array; labels: number[] }) {
  const shares = new Float64Array(labels.length).fill(1);
  const names = labels.map((label) => LABELS[label]!);
  return sumsByClass(project(identityBasis(D), features), D, names, shares);
}

function setOf({ features, labels }: { features: Float32Array; labels: number[] }): TrainingSet {
  return {
    features,
    rows: labels.length,
    featureSize: D,
    labels: Int32Array.from(labels),
    groups: Int32Array.from(labels, (_, row) => row % 6),
    isView: new Uint8Array(labels.length),
    classCount: LABELS.length,
  };
}

function priorOf(classes: readonly LabelledSums[]): FleetPrior {
  return {
    basis: identityBasis(D),
    classes,
    variance: 0,
    lambda: 0.1,
    scale: 8,
    scores: Float32Array.of(-1, 0, 1),
  };
}

function accuracy(head: Head, { features, labels }: ReturnType<typeof photos>): number {
  const probabilities = headProbabilities(head, features);
  const c = head.labels.length;
  const right = labels.filter(
    (label, row) => head.labels[indexOfLargest(probabilities, row * c, c)] === LABELS[label],
  );
  return right.length / labels.length;
}

const about = { labels: LABELS, featureSize: D, backboneChecksum: 'b' };

test('a robot with a few samples of two classes knows all classes of its fleet', () => {
  const own = photos(24, 1, { classes: [0, 1] });
  const fleet = sumsOf(photos(400, 2));
  const { recipe, novelty } = fitFleetHead(setOf(own), LABELS, priorOf(fleet));
  const head: Head = { ...headOf(recipe, about), novelty };
  const score = accuracy(head, photos(400, 3));
  assert.ok(score > 0.8, `${score}`);
  assert.equal(recipe.leaveGroupOutProbabilities.length, 24 * LABELS.length);
  assert.ok(novelty.scores.length > 0);
});

test('where the fleet is wrong here, a robot counts its own samples more', () => {
  const own = photos(160, 4);
  const others = photos(2_000, 5);
  // What the fleet calls apple is a beet here, and the other way round.
  const swapped = others.labels.map((label) => (label < 2 ? 1 - label : label));
  const fleet = sumsOf({ ...others, labels: swapped });
  const test = photos(600, 6);
  const { recipe } = fitFleetHead(setOf(own), LABELS, priorOf(fleet));
  const novelty = Array.from({ length: HISTOGRAM_BINS }, () => 0);
  const asIs = headFromSums(blendSums(sumsOf(own), fleet, Number.POSITIVE_INFINITY), {
    backboneChecksum: 'b',
    basis: identityBasis(D),
    lambda: 0.1,
    scale: 8,
    novelty,
  });
  assert.ok(accuracy(asIs, test) < 0.7, `${accuracy(asIs, test)}`);
  const blended = accuracy(headOf(recipe, about), test);
  assert.ok(blended > 0.85, `${blended}`);
});

test('answers to own samples are those of heads that saw none of their group', () => {
  // Labels without any relation to the features: only a head that saw a sample could answer it.
  const random = createRandom(8);
  const noise = { features: new Float32Array(60 * D), labels: [] as number[] };
  for (let i = 0; i < noise.features.length; i++) noise.features[i] = 1 + random.next();
  for (let row = 0; row < 60; row++) noise.labels.push(random.int(4));
  const { recipe } = fitFleetHead(setOf(noise), LABELS, priorOf(sumsOf(photos(400, 2))));
  const right = noise.labels.filter(
    (label, row) => indexOfLargest(recipe.leaveGroupOutProbabilities, row * 4, 4) === label,
  ).length;
  // A quarter by chance; four standard errors above.
  assert.ok(right / 60 < 0.25 + 4 * Math.sqrt((0.25 * 0.75) / 60), `${right}`);
});

test('a robot with one pass takes the choice of the fleet', () => {
  const own = photos(10, 9, { classes: [2] });
  const set = { ...setOf(own), groups: new Int32Array(10), clusters: new Int32Array(10) };
  const { recipe, novelty } = fitFleetHead(set, LABELS, priorOf(sumsOf(photos(400, 2))));
  assert.equal(recipe.fit.lambda, 0.1);
  assert.ok(accuracy(headOf(recipe, about), photos(200, 3)) > 0.8);
  assert.deepEqual([...novelty.scores], [-1, 0, 1]);
});
