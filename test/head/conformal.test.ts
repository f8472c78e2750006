import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isHeadlandError } from '../../src/base/errors.js';
import { softmaxRows } from '../../src/head/score.js';
import {
  answerProbability,
  conformalPValue,
  extrapolatedPValue,
  fitSetProbability,
  predictionSet,
  studentTail,
} from '../../src/head/unknown/conformal.js';
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

test("the tail of Student's t equals tables, and the normal tail for many degrees of freedom", () => {
  const table: [t: number, freedom: number, p: number][] = [
    [0, 3, 0.5],
    [1, 1, 0.25],
    [6.313751514675043, 1, 0.05],
    [2.3533634348018264, 3, 0.05],
    [1.8124611228107335, 10, 0.05],
    [2.7637694581126957, 10, 0.01],
    [1.6448536269514722, 1e7, 0.05],
  ];
  for (const [t, freedom, p] of table) {
    assert.ok(Math.abs(studentTail(t, freedom) - p) < 1e-7, `${t}, ${freedom}`);
  }
});

test('beyond all scores a p-value goes on falling, and never above what was counted', () => {
  const scores = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), {
    minLength: 2,
    maxLength: 60,
  });
  fc.assert(
    fc.property(scores, fc.double({ min: 0, max: 50, noNaN: true }), (values, beyond) => {
      const ascending = values.sort((a, b) => a - b);
      const largest = ascending.at(-1)!;
      const inside = ascending[ascending.length >> 1]!;
      assert.equal(extrapolatedPValue(ascending, inside), conformalPValue(ascending, inside));
      const p = extrapolatedPValue(ascending, largest + beyond);
      assert.ok(p >= 0 && p <= conformalPValue(ascending, largest + beyond));
      assert.ok(extrapolatedPValue(ascending, largest + beyond + 1) <= p);
    }),
  );
  assert.ok(extrapolatedPValue([0, 0.5, 1, 1.5], 30) < 0.01, 'four scores tell what is far away');
  assert.equal(extrapolatedPValue([1], 30), 1, 'one score tells nothing');
});

test('of the answers above the threshold no more are wrong than promised, and a lower one breaks it', () => {
  const answers = fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.boolean()), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(answers, fc.constantFrom(0.05, 0.1, 0.2, 0.5), (given, share) => {
      const confidences = given.map(([p, isRight]) => (isRight ? p : -p) / 20);
      const holds = (threshold: number): boolean => {
        const above = confidences.filter((value) => Math.abs(value) >= threshold);
        const wrong = above.filter((value) => value < 0).length;
        return above.length > 0 && 1 + wrong <= share * (1 + above.length);
      };
      const threshold = answerProbability(confidences, share);
      const every = [...new Set(confidences.map(Math.abs))];
      if (threshold > 1) assert.ok(!every.some(holds));
      else {
        assert.ok(holds(threshold));
        assert.ok(!every.some((lower) => lower < threshold && holds(lower)));
      }
    }),
  );
  assert.ok(answerProbability([], 0.1) > 1, 'without evidence nothing is promised');
  assert.ok(answerProbability([0.9, 0.95, 0.99], 0.1) > 1, 'three answers cannot promise 90 %');
});
