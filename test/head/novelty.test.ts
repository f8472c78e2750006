import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import type { TrainingSet } from '../../src/head/training-set.js';
import { transformFeatures } from '../../src/head/transform.js';
import {
  NOVELTY_TRANSFORM,
  noveltyPValue,
  noveltyScores,
  withoutClass,
} from '../../src/head/unknown/novelty.js';
import { fitNovelty } from '../../src/head/unknown/novelty-fit.js';
import type { NoveltyModel } from '../../src/head/unknown/novelty-model.js';
import { clusters, Draw, maxDifference, reorder, solveDense } from './synthetic.js';

const D = 24;

/** Groups of five classes; the last class is unknown, and every second group is fresh. */
function world(seed: number) {
  const all = clusters({
    classes: 5,
    groupsPerClass: 24,
    perGroup: 3,
    views: 1,
    featureSize: D,
    separation: 4,
    groupEffect: 0.3,
    seed,
  });
  const rows = (keep: (row: number) => boolean) =>
    [...all.labels.keys()].filter((row) => keep(row));
  const known = { ...all, classCount: 4 };
  const isKnown = (row: number) => all.labels[row]! < 4;
  return {
    training: reorder(
      known,
      rows((row) => isKnown(row) && all.groups[row]! % 2 === 0),
    ),
    fresh: reorder(
      known,
      rows((row) => isKnown(row) && all.groups[row]! % 2 === 1 && all.isView[row] === 0),
    ),
    unknown: reorder(
      known,
      rows((row) => !isKnown(row) && all.isView[row] === 0),
    ),
  };
}

function pValues(model: NoveltyModel, set: TrainingSet): number[] {
  return Array.from({ length: set.rows }, (_, i) =>
    noveltyPValue(model, set.features.subarray(i * D, (i + 1) * D)),
  );
}

const share = (values: number[], alpha: number) =>
  values.filter((value) => value < alpha).length / values.length;

test('a class that was never seen looks strange, fresh groups of known classes do not', () => {
  const { training, fresh, unknown } = world(1);
  const model = fitNovelty(training);
  assert.equal(model.scores.length, training.rows / 2, 'one score per original, none per view');
  assert.ok(share(pValues(model, unknown), 0.05) > 0.9);
  assert.ok(share(pValues(model, fresh), 0.05) < 0.2);
});

test('false alarms of exchangeable groups keep to alpha', () => {
  const found: number[] = [];
  for (let seed = 1; seed <= 6; seed++) {
    const { training, fresh } = world(seed);
    found.push(...pValues(fitNovelty(training), fresh));
  }
  // 864 samples in 288 groups of three; four standard errors as if only groups counted.
  for (const alpha of [0.05, 0.2, 0.5]) {
    const error = 4 * Math.sqrt((alpha * (1 - alpha)) / 288);
    const rate = share(found, alpha);
    assert.ok(Math.abs(rate - alpha) < error, `${rate} at ${alpha}`);
  }
});

test('scores are relative Mahalanobis distances, each class by its own covariance', () => {
  const set = clusters({
    classes: 3,
    groupsPerClass: 8,
    perGroup: 2,
    featureSize: 6,
    separation: 2,
    seed: 5,
  });
  // All six dimensions: the subspace is the whole space, and the plain formula holds.
  const [shrinkage, commonSamples] = [0.2, 5];
  const model = fitNovelty(set, undefined, { dimensions: 6, shrinkage, commonSamples });
  assert.equal(model.dimensions, 6);
  const z = transformFeatures(set.features, 6, NOVELTY_TRANSFORM);
  const rows = Array.from({ length: set.rows }, (_, i) => [...z.subarray(i * 6, (i + 1) * 6)]);
  const six = [0, 1, 2, 3, 4, 5];
  const meanOf = (of: number[][]) =>
    of[0]!.map((_, j) => of.reduce((s, x) => s + x[j]!, 0) / of.length);
  const minus = (a: number[], b: number[]) => a.map((x, j) => x - b[j]!);
  const covariance = (centred: number[][], freedom: number) =>
    six.map((i) => six.map((j) => centred.reduce((s, x) => s + x[i]! * x[j]!, 0) / freedom));
  const shrunk = (c: number[][]) => {
    const trace = c.reduce((s, row, i) => s + row[i]!, 0);
    return c.map((row, i) =>
      row.map((x, j) => (1 - shrinkage) * x + (i === j ? (shrinkage * trace + 1e-6) / 6 : 0)),
    );
  };
  const distance = (x: number[], sigma: number[][]) => {
    const solved = solveDense(
      sigma,
      x.map((v) => [v]),
    );
    return x.reduce((s, v, i) => s + v * solved[i]![0]!, 0);
  };
  const members = [0, 1, 2].map((c) => rows.filter((_, i) => set.labels[i] === c));
  const means = members.map(meanOf);
  const residuals = members.map((own, c) => own.map((x) => minus(x, means[c]!)));
  const common = covariance(residuals.flat(), set.rows - 3);
  const within = residuals.map((own) => {
    const share = own.length / (own.length + commonSamples);
    const alone = covariance(own, own.length - 1);
    return shrunk(
      six.map((i) => six.map((j) => (1 - share) * common[i]![j]! + share * alone[i]![j]!)),
    );
  });
  const centre = meanOf(rows);
  const around = rows.map((x) => minus(x, centre));
  const background = shrunk(covariance(around, set.rows - 1));
  const expected = rows.map(
    (x) =>
      Math.min(...means.map((mean, c) => distance(minus(x, mean), within[c]!))) -
      distance(minus(x, centre), background),
  );
  // The basis has 16 bits.
  assert.ok(maxDifference(noveltyScores(model, set.features), expected) < 0.01);
});

test('one covariance for all classes, as older heads have it, is read for each of them', () => {
  const { training, fresh } = world(6);
  const model = fitNovelty(training);
  const triangle = model.within.length / 4;
  const own = (k: number) => model.within.subarray(k * triangle, (k + 1) * triangle);
  const shared = { ...model, within: own(0) };
  const repeated = { ...model, within: Float32Array.from([0, 1, 2, 3].flatMap(() => [...own(0)])) };
  assert.deepEqual(noveltyScores(shared, fresh.features), noveltyScores(repeated, fresh.features));
  assert.notDeepEqual(noveltyScores(shared, fresh.features), noveltyScores(model, fresh.features));
});

test('a model without a class measures the distance to the others, each by its own covariance', () => {
  const { training, fresh } = world(8);
  const model = fitNovelty(training);
  const only = (k: number) =>
    [3, 2, 1, 0].reduce((rest, c) => (c === k ? rest : withoutClass(rest, c)), model);
  const alone = [0, 1, 2, 3].map((k) => noveltyScores(only(k), fresh.features));
  for (const gone of [0, 2, 3]) {
    const kept = alone.filter((_, k) => k !== gone);
    assert.deepEqual(
      noveltyScores(withoutClass(model, gone), fresh.features),
      kept[0]!.map((_, i) => Math.min(...kept.map((scores) => scores[i]!))),
    );
  }
  const shared = { ...model, within: model.within.subarray(0, model.within.length / 4) };
  assert.equal(withoutClass(shared, 1).within, shared.within);
});

test('many classes of few samples share one covariance', () => {
  const set = clusters({ classes: 12, groupsPerClass: 4, perGroup: 1, featureSize: 16, seed: 7 });
  const model = fitNovelty(set);
  assert.equal(model.within.length, (model.dimensions * (model.dimensions + 1)) / 2);
  assert.equal(model.means.length, 12 * model.dimensions);
  const more = fitNovelty(
    clusters({ classes: 12, groupsPerClass: 5, perGroup: 1, featureSize: 16, seed: 7 }),
  );
  assert.equal(more.within.length, (12 * more.dimensions * (more.dimensions + 1)) / 2);
});

test('a class that varies otherwise than the rest keeps its own frames and no others', () => {
  // Two classes far apart: one long in the first direction, the other in the second.
  const draw = new Draw(9);
  const point = (c: number, spread: [number, number]) => {
    const x = Float64Array.from({ length: 8 }, () => 10 + 0.1 * draw.normal());
    x[c === 0 ? 2 : 3] = 18;
    x[0] = x[0]! + spread[0] * draw.normal();
    x[1] = x[1]! + spread[1] * draw.normal();
    return x;
  };
  const rows = Array.from({ length: 160 }, (_, i) => {
    const c = i % 2;
    return { c, x: point(c, c === 0 ? [2, 0.1] : [0.1, 2]) };
  });
  const set: TrainingSet = {
    rows: rows.length,
    featureSize: 8,
    classCount: 2,
    features: Float32Array.from(rows.flatMap(({ x }) => [...x])),
    labels: Int32Array.from(rows, ({ c }) => c),
    groups: Int32Array.from(rows, (_, i) => i >> 1),
    isView: new Uint8Array(rows.length),
  };
  const model = fitNovelty(set);
  const p = (c: number, spread: [number, number]) =>
    Array.from({ length: 40 }, () => noveltyPValue(model, Float32Array.from(point(c, spread))));
  assert.ok(share(p(0, [2, 0.1]), 0.05) < 0.2);
  // As far along the other class's direction: each is common somewhere, not for this class.
  assert.ok(share(p(0, [0.1, 2]), 0.05) > 0.5);
});

test('unlabelled frames of the unknown thing make it stand out more', () => {
  const { training, fresh, unknown } = world(2);
  const half = unknown.features.subarray(0, unknown.features.length / 2);
  const other = unknown.features.subarray(unknown.features.length / 2);
  const gap = (model: NoveltyModel) => {
    const known = noveltyScores(model, fresh.features);
    const strange = noveltyScores(model, other);
    const mean = (x: Float64Array) => x.reduce((s, v) => s + v, 0) / x.length;
    const centre = mean(known);
    const spread = Math.sqrt(mean(known.map((v) => (v - centre) ** 2)));
    return (mean(strange) - centre) / spread;
  };
  assert.ok(gap(fitNovelty(training, half)) > gap(fitNovelty(training)));
});

test('the same samples give the same model, and many samples a bounded one', () => {
  const { training, fresh } = world(3);
  assert.deepEqual(fitNovelty(training), fitNovelty(training));
  const bounded = fitNovelty(training, fresh.features, { maxRows: 60 });
  assert.ok(bounded.scores.length <= 60);
  assert.ok(bounded.dimensions <= 30);
});

test('two parts stay two with many samples', () => {
  const draw = new Draw(6);
  const rows = 402;
  const set: TrainingSet = {
    features: Float32Array.from(draw.normals(rows * 4)),
    featureSize: 4,
    rows,
    classCount: 2,
    labels: Int32Array.from({ length: rows }, (_, i) => i % 2),
    groups: Int32Array.from({ length: rows }, (_, i) => Math.floor(i / 10)),
    isView: new Uint8Array(rows),
  };
  assert.equal(fitNovelty(set, undefined, { folds: 2 }).scores.length, rows);
});

test('few and equal samples are no reason to fail', () => {
  const one = { features: new Float32Array(4 * 3).fill(1), featureSize: 3, rows: 4, classCount: 2 };
  const set: TrainingSet = {
    ...one,
    labels: Int32Array.of(0, 1, 0, 1),
    groups: Int32Array.of(0, 0, 1, 1),
    isView: new Uint8Array(4),
  };
  const model = fitNovelty(set);
  assert.ok(noveltyPValue(model, Float32Array.of(1, 0, 0)) >= 1 / 5, 'four samples prove little');
  const alone = fitNovelty({ ...set, groups: new Int32Array(4) });
  assert.ok(Number.isFinite(noveltyScores(alone, set.features)[0]));
  // Classes of one group each: nothing can be left out and still be known.
  const single = fitNovelty({ ...set, groups: Int32Array.of(0, 1, 0, 1) });
  assert.equal(single.scores.length, 0);
  assert.equal(noveltyPValue(single, Float32Array.of(1, 0, 0)), 1);
});

test('features of another length are refused', () => {
  const { training } = world(4);
  const model = fitNovelty(training);
  for (const wrong of [new Float32Array(D + 1), new Float32Array(0)]) {
    assert.throws(
      () => noveltyScores(model, wrong),
      (e) => isHeadlandError(e, 'HL_FEATURES_MISMATCH'),
    );
  }
  assert.throws(
    () => fitNovelty(training, new Float32Array(D + 1)),
    (e) => isHeadlandError(e, 'HL_TRAINING_SET_INVALID'),
  );
});
