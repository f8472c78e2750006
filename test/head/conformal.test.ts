import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isHeadlandError } from '../../src/errors.js';
import { conformalPValue, fitSetProbability, predictionSet } from '../../src/head/conformal.js';
import { softmaxRows } from '../../src/head/score.js';
import { Draw } from './synthetic.js';

test('a p-value counts what is at least as strange, itself among them', () => {
  const scores = [1, 2, 2, 3];
  assert.equal(conformalPValue(scores, 0), 5 / 5);
  assert.equal(conformalPValue(scores, 1), 5 / 5);
  assert.equal(conformalPValue(scores, 2), 4 / 5);
  assert.equal(conformalPValue(scores, 2.5), 2 / 5);
  assert.equal(conformalPValue(scores, 9), 1 / 5);
  assert.equal(conformalPValue([], 9), 1, 'nothing is strange to who has seen nothing');
});

test('p-values equal the definition for any scores', () => {
  const scores = fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 30 });
  fc.assert(
    fc.property(scores, fc.integer({ min: -6, max: 6 }), (values, score) => {
      const counted = values.filter((value) => value >= score).length;
      const ascending = [...values].sort((a, b) => a - b);
      assert.equal(conformalPValue(ascending, score), (1 + counted) / (values.length + 1));
    }),
  );
});

test('p-values of exchangeable scores without ties are uniform on 1/(n+1), …, 1', () => {
  // Each of n + 1 exchangeable values is as likely as any other to be the one that is tested: over
  // all choices every p-value occurs exactly once.
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), {
        minLength: 2,
        maxLength: 40,
        comparator: (a, b) => a === b,
      }),
      (values) => {
        const found = values.map((value, tested) => {
          const others = values.filter((_, i) => i !== tested).sort((a, b) => a - b);
          return Math.round(conformalPValue(others, value) * values.length);
        });
        assert.deepEqual(
          found.sort((a, b) => a - b),
          values.map((_, i) => i + 1),
        );
      },
    ),
  );
});

test('prediction sets hold the truth as often as promised', () => {
  const draw = new Draw(3);
  const classes = 6;
  const sample = (n: number) => {
    const probabilities = draw.normals(n * classes);
    const labels = Int32Array.from({ length: n }, () => draw.int(classes));
    for (let i = 0; i < n; i++) {
      const at = i * classes + labels[i]!;
      probabilities[at] = probabilities[at]! + 1.5;
    }
    // Overconfident on purpose: the promise does not depend on calibrated probabilities.
    softmaxRows(probabilities, classes, 4);
    return { probabilities, labels };
  };
  const known = sample(2_000);
  const bound = fitSetProbability(known.probabilities, known.labels, classes, 0.9);
  const fresh = sample(4_000);
  let covered = 0;
  for (let i = 0; i < 4_000; i++) {
    const own = fresh.probabilities.subarray(i * classes, (i + 1) * classes);
    const answer = predictionSet(own, bound);
    for (let k = 1; k < answer.length; k++) assert.ok(own[answer[k - 1]!]! >= own[answer[k]!]!);
    if (answer.includes(fresh.labels[i]!)) covered++;
  }
  // Four standard errors of both samples together.
  assert.ok(Math.abs(covered / 4_000 - 0.9) < 0.033, `${covered / 4_000}`);
});

test('too few samples promise nothing: every label is in the set', () => {
  const probabilities = Float64Array.of(0.9, 0.1, 0.2, 0.8);
  assert.equal(fitSetProbability(probabilities, [0, 1], 2, 0.9), 0);
  assert.deepEqual(predictionSet([0.1, 0.9], 0), [1, 0]);
  assert.equal(fitSetProbability(probabilities, [0, 1], 2, 0.5), 0.8);
});

test('wrong lengths are refused', () => {
  assert.throws(
    () => fitSetProbability(new Float64Array(5), [0, 1], 2, 0.9),
    (e) => isHeadlandError(e, 'HL_CALIBRATION_INVALID'),
  );
});
