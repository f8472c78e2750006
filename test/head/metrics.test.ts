import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isHeadlandError } from '../../src/base/errors.js';
import { areaUnderRoc, calibrationError, classificationMetrics } from '../../src/head/metrics.js';
import { readOracle } from './oracle.js';
import { Draw, maxDifference, shareOfOrderedPairs, shuffled } from './synthetic.js';

interface MetricCase {
  classes: number;
  labels: number[];
  scores: number[];
  expected: Record<
    | 'accuracy'
    | 'macroPrecision'
    | 'macroRecall'
    | 'macroF1'
    | 'weightedF1'
    | 'microAuc'
    | 'logLoss'
    | 'ece',
    number
  > & {
    macroAuc: number | null;
    confusion: number[][];
    precision: number[];
    recall: number[];
    f1: number[];
    support: number[];
    auc: (number | null)[];
  };
}

function normalised(scores: number[], classes: number): Float64Array {
  const p = Float64Array.from(scores);
  for (let from = 0; from < p.length; from += classes) {
    const sum = scores.slice(from, from + classes).reduce((a, b) => a + b, 0);
    for (let c = 0; c < classes; c++) p[from + c] = p[from + c]! / sum;
  }
  return p;
}

test('every metric equals scikit-learn to 1e-9 on 1,000 random cases', () => {
  const cases = readOracle<MetricCase>('metrics');
  assert.equal(cases.length, 1000);
  for (const [i, { classes, labels, scores, expected }] of cases.entries()) {
    const result = classificationMetrics(
      normalised(scores, classes),
      Int32Array.from(labels),
      classes,
    );
    const close = (name: string, a: number | null, b: number | null) =>
      assert.ok(
        a === null || b === null ? a === b : Math.abs(a - b) < 1e-9,
        `case ${i}, ${name}: ${a}, expected ${b}`,
      );
    for (const name of [
      'accuracy',
      'macroPrecision',
      'macroRecall',
      'macroF1',
      'weightedF1',
      'macroAuc',
      'microAuc',
      'logLoss',
      'ece',
    ] as const) {
      close(name, result[name], expected[name]);
    }
    assert.equal(result.samples, labels.length);
    assert.deepEqual(result.confusion, expected.confusion);
    for (const [c, one] of result.perClass.entries()) {
      for (const name of ['precision', 'recall', 'f1', 'support', 'auc'] as const) {
        close(`${name} of ${c}`, one[name], expected[name][c]!);
      }
    }
  }
});

test('a ranking without positives or without negatives has no area', () => {
  assert.equal(areaUnderRoc(Float64Array.of(1, 2), Uint8Array.of(1, 1)), null);
  assert.equal(areaUnderRoc(Float64Array.of(1, 2), Uint8Array.of(0, 0)), null);
  const result = classificationMetrics(Float64Array.of(1, 0, 0, 1), Int32Array.of(0, 0), 2);
  assert.equal(result.macroAuc, null);
  assert.equal(result.perClass[1]!.recall, 0);
});

test('area is the share of ordered pairs, ties one half', () => {
  const scored = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(scored, { maxLength: 30 }), (rows) => {
      const scoresOf = (side: boolean) => rows.flatMap(([score, s]) => (s === side ? score : []));
      const expected = shareOfOrderedPairs(scoresOf(true), scoresOf(false));
      const area = areaUnderRoc(
        Float64Array.from(rows, ([score]) => score),
        Uint8Array.from(rows, ([, positive]) => Number(positive)),
      );
      if (expected === null) assert.equal(area, null);
      else assert.ok(Math.abs(area! - expected) < 1e-12);
    }),
  );
});

test('the order of samples changes no metric, tied confidences included', () => {
  const draw = new Draw(1);
  const scores = Array.from({ length: 60 * 3 }, () => 1 + draw.int(3));
  const labels = Array.from({ length: 60 }, () => draw.int(3));
  const order = shuffled(60, draw);
  const first = classificationMetrics(normalised(scores, 3), Int32Array.from(labels), 3);
  const second = classificationMetrics(
    normalised(
      order.flatMap((i) => scores.slice(3 * i, 3 * i + 3)),
      3,
    ),
    Int32Array.from(order, (i) => labels[i]!),
    3,
  );
  assert.ok(Math.abs(first.ece - second.ece) < 1e-12);
  assert.ok(Math.abs(first.logLoss - second.logLoss) < 1e-12);
  assert.deepEqual(first.confusion, second.confusion);
  assert.ok(
    maxDifference(
      first.perClass.map((c) => c.auc!),
      second.perClass.map((c) => c.auc!),
    ) < 1e-12,
  );
});

test('calibration error: 0 for honest confidence, the gap for a boaster', () => {
  const honest = Uint8Array.from({ length: 150 }, (_, i) => Number(i % 10 < 8));
  assert.ok(Math.abs(calibrationError(new Float64Array(150).fill(0.8), honest, 1)) < 1e-12);
  const never = new Uint8Array(150);
  assert.ok(Math.abs(calibrationError(new Float64Array(150).fill(0.8), never) - 0.8) < 1e-12);
});

test('what cannot be judged is refused', () => {
  const refused = (p: number[], labels: number[], classes: number) =>
    assert.throws(
      () => classificationMetrics(Float64Array.from(p), Int32Array.from(labels), classes),
      (e) => isHeadlandError(e, 'HL_METRICS_INVALID'),
    );
  refused([], [], 2);
  refused([0.5, 0.5, 1], [0], 2);
  refused([0.5, Number.NaN], [0], 2);
  refused([1.5, -0.5], [0], 2);
  refused([0.5, 0.5], [2], 2);
});
