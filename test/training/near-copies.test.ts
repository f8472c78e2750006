import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { clusterNearDuplicates } from '../../src/head/clusters.js';
import { foldsOf } from '../../src/head/folds.js';
import type { Head } from '../../src/head/head.js';
import { fitRidge } from '../../src/head/learners/ridge.js';
import { fitSoftmax } from '../../src/head/learners/softmax.js';
import { headProbabilities } from '../../src/head/score.js';
import {
  classBalancedWeights,
  groupingOf,
  judgedRows,
  leadsCluster,
  sharesOf,
  type TrainingSet,
} from '../../src/head/training-set.js';
import { fitClassGaussians } from '../../src/head/unknown/novelty-fit.js';
import { OnnxFitEngine } from '../../src/training/fit/fit-engine.js';
import { fitHead } from '../../src/training/fit/fit-head.js';
import { withViews } from '../../src/training/fit/recipes.js';
import { fitBeginner } from '../../src/training/instant/beginner.js';
import { correctHead } from '../../src/training/instant/correction.js';
import { leftOutAnswers } from '../../src/training/verdict/unknown-threshold.js';
import { clusters, Draw, maxDifference } from '../head/synthetic.js';

const COPIES = 20;
const FEATURES = 24;

/** A set of photographs that all differ, each with its index as sample. */
function photographs(seed: number, views = 0): TrainingSet {
  const set = clusters({
    classes: 3,
    groupsPerClass: 4,
    perGroup: 3,
    views,
    featureSize: FEATURES,
    seed,
  });
  let parent = -1;
  const samples = Int32Array.from(set.isView, (isView) => {
    if (isView === 0) parent++;
    return parent;
  });
  return { ...set, samples };
}

/** The set with near-copies of its first sample, and of the views of that, right behind it. */
function withCopies(set: TrainingSet, copies: number, noise: number, seed: number): TrainingSet {
  const draw = new Draw(seed);
  const d = set.featureSize;
  const samples = set.samples!;
  const first = [...samples.keys()].filter((row) => samples[row] === 0);
  const extra = Array.from({ length: copies }, (_, copy) =>
    first.map((row) => ({ row, sample: 1_000 + copy, isCopy: true })),
  ).flat();
  const rest = [...samples.keys()].map((row) => ({ row, sample: samples[row]!, isCopy: false }));
  const rows = [...rest, ...extra].sort(
    (a, b) => a.row - b.row || Number(a.isCopy) - Number(b.isCopy),
  );
  const features = new Float32Array(rows.length * d);
  rows.forEach(({ row, isCopy }, i) => {
    for (let j = 0; j < d; j++) {
      const change = isCopy ? noise * draw.normal() : 0;
      features[i * d + j] = set.features[row * d + j]! + change;
    }
  });
  const pick = (of: Int32Array) => Int32Array.from(rows, ({ row }) => of[row]!);
  return {
    ...set,
    features,
    rows: rows.length,
    labels: pick(set.labels),
    groups: pick(set.groups),
    isView: Uint8Array.from(rows, ({ row }) => set.isView[row]!),
    samples: Int32Array.from(rows, ({ sample }) => sample),
  };
}

/** The set with its near-duplicates marked, as a training marks them. */
function marked(set: TrainingSet): TrainingSet {
  const d = set.featureSize;
  const originals = [...set.isView.keys()].filter((row) => set.isView[row] === 0);
  const features = new Float32Array(originals.length * d);
  originals.forEach((row, i) => {
    features.set(set.features.subarray(row * d, (row + 1) * d), i * d);
  });
  const found = clusterNearDuplicates(
    features,
    d,
    originals.map((row) => set.labels[row]!),
    originals.map((row) => set.groups[row]!),
  );
  const clusterOf = new Map(originals.map((row, i) => [set.samples![row]!, found[i]!]));
  return { ...set, clusters: set.samples!.map((sample) => clusterOf.get(sample)!) };
}

async function trained(set: TrainingSet): Promise<Head> {
  const engine = await OnnxFitEngine.create(1);
  try {
    const { recipe, novelty } = await fitHead(set, {
      learners: ['ridge', 'softmax', 'blend'],
      budgetMs: 0,
      classGaussians: true,
      engine,
    });
    return {
      learner: recipe.learner,
      labels: ['a', 'b', 'c'],
      featureSize: set.featureSize,
      backboneChecksum: 'x'.repeat(64),
      transform: recipe.fit.transform,
      weights: recipe.fit.weights,
      bias: recipe.fit.bias,
      temperature: recipe.temperature,
      novelty,
      ...leftOutAnswers(set, recipe.leaveGroupOutProbabilities),
      ...(recipe.gaussians && { gaussianScale: recipe.gaussians.scale }),
    };
  } finally {
    await engine.close();
  }
}

suite('near-duplicates of a labelled sample', () => {
  test('without any, heads are bit-identical to those of a set without marks', async () => {
    for (const seed of [1, 2]) {
      const set = photographs(seed, 1);
      const same = marked(set);
      assert.deepEqual(same.clusters, set.samples);
      assert.deepEqual(await trained(same), await trained(set));
    }
  });

  test('together weigh as one sample, and their views as its views', () => {
    const set = marked(withCopies(photographs(1, 2), COPIES - 1, 0.01, 2));
    const shares = sharesOf(set);
    const mass = (isView: 0 | 1): number =>
      set.clusters!.reduce(
        (sum, cluster, row) =>
          cluster === 0 && set.isView[row] === isView ? sum + shares[row]! : sum,
        0,
      );
    assert.ok(Math.abs(mass(0) - 1) < 1e-9 && Math.abs(mass(1) - 2) < 1e-9);
    const weights = classBalancedWeights(set.labels, 3, shares);
    const ofClass = [0, 1, 2].map((c) =>
      weights.reduce((sum, w, row) => (set.labels[row] === c ? sum + w : sum), 0),
    );
    for (const sum of ofClass) assert.ok(Math.abs(sum - set.rows / 3) < 1e-9);
    assert.equal(judgedRows(set, groupingOf(set)).judged.length, 36);
    assert.equal(
      leadsCluster(set).reduce((sum, lead) => sum + lead, 0),
      36 * 3,
    );
    assert.deepEqual(
      sharesOf(withViews(set, 0)).slice(0, COPIES),
      new Float64Array(COPIES).fill(1 / COPIES),
    );
  });

  test('one group or label apart they are no near-duplicates', () => {
    const same = Float32Array.from([1, 2, 1, 2, 1, 2, 1, 2]);
    const found = clusterNearDuplicates(same, 2, ['a', 'a', 'b', 'a'], ['g', 'g', 'g', 'h']);
    assert.deepEqual([...found], [0, 0, 2, 3]);
  });

  test('of 20 near-copies, a trained head answers as of one', async () => {
    const fooledBy: number[] = [];
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1_000 }), async (seed) => {
        const set = photographs(seed, 1);
        const one = await trained(marked(set));
        const many = marked(withCopies(set, COPIES - 1, 1e-3, seed));
        const head = await trained(many);
        const largest = one.weights.reduce((most, w) => Math.max(most, Math.abs(w)), 0);
        assert.ok(maxDifference(one.weights, head.weights) < 0.02 * largest);
        const p = headProbabilities(one, set.features);
        assert.ok(maxDifference(p, headProbabilities(head, set.features)) < 0.02);
        const { clusters: _, ...unmarked } = many;
        const fooled = headProbabilities(await trained(unmarked), set.features);
        fooledBy.push(maxDifference(p, fooled));
      }),
      { numRuns: 5 },
    );
    // It would not be so if each copy weighed as a sample of its own. A draw whose classes cannot be told apart
    // shows nothing: its head answers the same to everything.
    const [, , median] = fooledBy.sort((a, b) => a - b);
    assert.ok(median! > 0.02, fooledBy.join(' '));
  });

  test('each linear learner takes exact copies for one sample', () => {
    for (const seed of [1, 2, 3]) {
      const set = marked(photographs(seed));
      const many = marked(withCopies(set, COPIES - 1, 0, seed));
      for (const [fit, tolerance] of [
        [fitRidge, 1e-5],
        [fitSoftmax, 5e-3],
      ] as const) {
        const [one, all] = [set, many].map((each) => fit(each, { transform: 'none' })) as [
          ReturnType<typeof fitRidge>,
          ReturnType<typeof fitRidge>,
        ];
        assert.equal(all.lambda, one.lambda);
        const largest = one.weights.reduce((most, w) => Math.max(most, Math.abs(w)), 0);
        assert.ok(maxDifference(all.weights, one.weights) < tolerance * largest);
      }
      assert.deepEqual(fitClassGaussians(many).model, fitClassGaussians(set).model);
      const folds = foldsOf(many, groupingOf(many), { folds: 3 });
      const leads = leadsCluster(many);
      assert.deepEqual(
        folds.filter((_, row) => leads[row] === 1),
        foldsOf(set, groupingOf(set), { folds: 3 }),
      );
    }
  });

  test('with one group, near-duplicates are left out together', () => {
    const set = photographs(4);
    const one = { ...set, groups: new Int32Array(set.rows) };
    const { kind, groups, groupCount } = groupingOf(marked(withCopies(one, COPIES - 1, 0.01, 1)));
    assert.equal(kind, 'row');
    assert.equal(groupCount, set.rows);
    assert.equal(new Set(groups.subarray(0, COPIES)).size, 1);
  });

  test('the instant learner takes them for one label', () => {
    const set = photographs(5);
    const many = withCopies(set, COPIES - 1, 0, 1);
    const samplesOf = ({ rows, features, labels, groups }: TrainingSet) =>
      Array.from({ length: rows }, (_, row) => ({
        label: 'abc'[labels[row]!]!,
        group: `group ${groups[row]}`,
        features: features.slice(row * FEATURES, (row + 1) * FEATURES),
      }));
    const [one, all] = [set, many].map((each) => fitBeginner(samplesOf(each), 'x'));
    assert.deepEqual(all!.prior, one!.prior);
    assert.deepEqual(all!.trust, one!.trust);
    const largest = one!.head.weights.reduce((most, w) => Math.max(most, Math.abs(w)), 0);
    assert.ok(maxDifference(all!.head.weights, one!.head.weights) < 1e-4 * largest);

    const lesson = (each: TrainingSet) => ({
      features: each.features,
      labels: Array.from(each.labels, (label) => 'abc'[(label + 1) % 3]!),
      shares: sharesOf(marked(each)),
    });
    const [taught, fooled] = [
      correctHead(one!.head, lesson(set)),
      correctHead(one!.head, { ...lesson(many), shares: new Float64Array(many.rows).fill(1) }),
    ];
    const corrected = headProbabilities(correctHead(one!.head, lesson(many)), set.features);
    const expected = headProbabilities(taught, set.features);
    assert.ok(maxDifference(corrected, expected) < 1e-3);
    assert.ok(maxDifference(headProbabilities(fooled, set.features), expected) > 1e-2);
  });
});
