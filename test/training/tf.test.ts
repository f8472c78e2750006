import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openTfjs, type TfjsEngine } from '../../src/backbone/engines/tfjs-library.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { decodeHead, encodeHead } from '../../src/head/codec.js';
import { headProbabilities, indexOfLargest } from '../../src/head/score.js';
import { OnnxFitEngine } from '../../src/training/fit/fit-engine.js';
import { searchRecipes } from '../../src/training/fit/search.js';
import { fitTfLayers } from '../../src/training/fit/tf-learner.js';
import { clusters, maxDifference } from '../head/synthetic.js';

const SET = { classes: 3, groupsPerClass: 4, perGroup: 6, featureSize: 12, separation: 2.5 };
const QUICK = { transform: 'none' as const, learningRates: [1e-2, 3e-2], maxEpochs: 25 };

function accuracy(matrix: Float64Array, labels: Int32Array, classes: number): number {
  const right = labels.filter((l, i) => indexOfLargest(matrix, i * classes, classes) === l);
  return right.length / labels.length;
}

describe('TensorFlow.js engine', () => {
  it('opens the fastest backend there is and says why no faster one', async () => {
    const engine = await openTfjs(silentLog());
    assert.equal(engine.tf.getBackend(), engine.backend);
    if (engine.backend !== 'tensorflow') assert.match(engine.reason, /no tensorflow: .+/);
    const product = engine.tf.tidy(() =>
      engine.tf.matMul(engine.tf.tensor2d([[1, 2]]), engine.tf.tensor2d([[3], [4]])).dataSync(),
    );
    assert.deepEqual([...product], [11]);
  });

  it('names what is missing when none of the wanted backends opens', async (t) => {
    try {
      await openTfjs(silentLog(), ['tensorflow']);
      t.skip('tfjs-node is installed here');
    } catch (error) {
      assert.ok(isHeadlandError(error, 'HL_TFJS_UNAVAILABLE'), String(error));
      assert.match(error.message, /no tensorflow: /);
    }
  });

  it('has the same gradient of a convolution in WebAssembly as in JavaScript', async () => {
    const gradient = ({ tf }: TfjsEngine, pad: 'same' | 'valid', stride: number) => {
      const series = (n: number, f: number) =>
        Float32Array.from({ length: n }, (_, i) => Math.sin(f * i));
      return tf.tidy(() => {
        const x = tf.tensor4d(series(3 * 9 * 8 * 2, 0.37), [3, 9, 8, 2]);
        const filter = tf.tensor4d(series(3 * 2 * 2 * 5, 0.91), [3, 2, 2, 5]);
        const loss = (w: typeof filter) => tf.sum(tf.square(tf.conv2d(x, w, stride, pad)));
        return tf
          .grad(loss as never)(filter)
          .dataSync() as Float32Array;
      });
    };
    const cases = [
      ['same', 1],
      ['valid', 1],
      ['same', 2],
    ] as const;
    const cpu = await openTfjs(silentLog(), ['cpu']);
    const expected = cases.map(([pad, stride]) => gradient(cpu, pad, stride));
    const wasm = await openTfjs(silentLog(), ['wasm']);
    cases.forEach(([pad, stride], i) => {
      const own = gradient(wasm, pad, stride);
      assert.ok(maxDifference(own, expected[i] as Float32Array) < 1e-3, `${pad}, stride ${stride}`);
      assert.ok(own.some((value) => Math.abs(value) > 1));
    });
  });
});

describe('tf.layers recipe', () => {
  it('learns what left-out groups confirm, and makes a head that serves', async () => {
    const set = clusters({ ...SET, views: 1 });
    const fit = await fitTfLayers(set, QUICK);
    const originals = set.labels.filter((_, i) => set.isView[i] === 0);
    assert.equal(fit.leaveGroupOutLogits.length, originals.length * 3);
    assert.ok(accuracy(fit.leaveGroupOutLogits, originals, 3) >= 0.9);
    assert.equal(fit.candidates.length, 2);
    assert.equal(fit.grouping, 'group');
    const head = decodeHead(
      encodeHead({
        learner: 'tf-layers',
        labels: ['a', 'b', 'c'],
        featureSize: set.featureSize,
        backboneChecksum: 'x',
        transform: fit.transform,
        weights: fit.weights,
        bias: fit.bias,
        temperature: 1,
      }),
    );
    assert.ok(accuracy(headProbabilities(head, set.features), set.labels, 3) >= 0.95);
  });

  it('does not learn what is not there', async () => {
    const set = clusters({ ...SET, separation: 0, groupEffect: 0 });
    const fit = await fitTfLayers(set, QUICK);
    assert.ok(accuracy(fit.leaveGroupOutLogits, set.labels, 3) < 0.6);
  });

  it('gives the same head for the same seed and another for another', async () => {
    const set = clusters(SET);
    const [one, two, other] = [
      await fitTfLayers(set, { ...QUICK, seed: 3 }),
      await fitTfLayers(set, { ...QUICK, seed: 3 }),
      await fitTfLayers(set, { ...QUICK, seed: 4 }),
    ];
    assert.deepEqual(one.weights, two.weights);
    assert.deepEqual(one.leaveGroupOutLogits, two.leaveGroupOutLogits);
    assert.notDeepEqual(one.weights, other.weights);
  });

  it('takes part in the choice of a recipe only when asked', async () => {
    const set = clusters({ ...SET, perGroup: 3, groupsPerClass: 3 });
    const engine = await OnnxFitEngine.create(1);
    const { table, chosen } = await searchRecipes(set, {
      learners: ['ridge', 'tf-layers'],
      budgetMs: 60_000,
      engine,
    }).finally(() => engine.close());
    assert.deepEqual(
      table.map((row) => row.learner),
      ['ridge', 'ridge', 'ridge', 'ridge', 'tf-layers'],
    );
    assert.equal(table.filter((row) => row.chosen).length, 1);
    assert.ok(Number.isFinite(chosen.temperature));
  });
});
