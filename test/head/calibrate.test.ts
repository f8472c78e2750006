import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { fitScale, fitTemperature } from '../../src/head/calibrate.js';
import { bestCandidate, judgeLogits, macroScale } from '../../src/head/learners/select.js';
import { Draw } from './synthetic.js';

/** Logits whose softmax is the true law of the labels. */
function lawful(n: number, classes: number, seed: number) {
  const draw = new Draw(seed);
  const logits = draw.normals(n * classes).map((z) => 2 * z);
  const labels = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const p = [...logits.subarray(i * classes, (i + 1) * classes)].map(Math.exp);
    let u = draw.uniform() * p.reduce((a, b) => a + b, 0);
    let c = 0;
    while (c < classes - 1 && u >= p[c]!) u -= p[c++]!;
    labels[i] = c;
  }
  return { logits, labels };
}

function loss(
  logits: Float64Array,
  labels: Int32Array,
  classes: number,
  temperature: number,
): number {
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    const z = [...logits.subarray(i * classes, (i + 1) * classes)].map((x) => x / temperature);
    sum += Math.log(z.reduce((s, x) => s + Math.exp(x), 0)) - z[labels[i]!]!;
  }
  return sum / labels.length;
}

test('the temperature of inflated logits is the factor they were inflated by', () => {
  const { logits, labels } = lawful(20_000, 4, 1);
  for (const factor of [0.2, 1, 3, 12]) {
    const t = fitTemperature(
      logits.map((z) => z * factor),
      labels,
      4,
    );
    assert.ok(Math.abs(t / factor - 1) < 0.05, `${factor}: ${t}`);
  }
});

test('no temperature nearby is better', () => {
  const { logits, labels } = lawful(200, 3, 2);
  const t = fitTemperature(logits, labels, 3);
  const smoothing = 1 / 201;
  const smoothed = (temperature: number): number => {
    const other = [0, 1, 2].map((shift) =>
      loss(
        logits,
        labels.map((y) => (y + shift) % 3),
        3,
        temperature,
      ),
    );
    const everyClass = other.reduce((a, b) => a + b, 0) / 3;
    return (1 - smoothing) * other[0]! + smoothing * everyClass;
  };
  for (const factor of [0.9, 0.999, 1.001, 1.1]) assert.ok(smoothed(t * factor) > smoothed(t));
});

test('a few right answers are no reason to be certain, and those of few passes less so', () => {
  const [n, classes] = [48, 20];
  const labels = Int32Array.from({ length: n }, (_, i) => i % classes);
  const logits = new Float64Array(n * classes);
  for (const [i, y] of labels.entries()) logits[i * classes + y] = 500;
  for (const independent of [n, 5]) {
    const t = fitTemperature(logits, labels, classes, independent);
    const p = 1 / (1 + (classes - 1) * Math.exp(-500 / t));
    const smoothing = 2 / (independent + 2);
    assert.ok(Math.abs(p - (1 - smoothing + smoothing / classes)) < 1e-9, String(p));
  }
});

test('the temperature stays within 0.05 and 1000', () => {
  const small = Float64Array.of(1e-9, 0, 0, 1e-9);
  assert.equal(fitTemperature(small, Int32Array.of(0, 1), 2), 0.05);
  assert.equal(fitTemperature(Float64Array.of(1, 0, 0, 1), Int32Array.of(1, 0), 2), 1000);
  assert.ok(fitTemperature(Float64Array.of(1e9, -1e9, 1, 2), Int32Array.of(0, 0), 2) <= 1000);
});

test('weights act as repeated rows', () => {
  const { logits, labels } = lawful(30, 3, 3);
  const range = { min: 0.01, max: 100 };
  const twice = Float64Array.from([...logits, ...logits.subarray(0, 30)]);
  const twiceLabels = Int32Array.from([...labels, ...labels.subarray(0, 10)]);
  const weights = Float64Array.from(labels, (_, i) => (i < 10 ? 2 : 1));
  const weighted = fitScale(logits, labels, 3, range, weights);
  assert.ok(Math.abs(weighted - fitScale(twice, twiceLabels, 3, range)) < 1e-9);
});

test('the macro scale and log-loss give each class the same say', () => {
  const { logits, labels } = lawful(40, 3, 4);
  const copies = [...labels.keys()].filter((i) => labels[i] === 0);
  const more = Float64Array.from([
    ...logits,
    ...copies.flatMap((i) => [...logits.subarray(3 * i, 3 * i + 3)]),
  ]);
  const moreLabels = Int32Array.from([...labels, ...copies.map(() => 0)]);
  assert.ok(Math.abs(macroScale(logits, labels, 3) - macroScale(more, moreLabels, 3)) < 1e-9);
  const a = judgeLogits(logits, labels, 3);
  assert.ok(Math.abs(a.logLoss - judgeLogits(more, moreLabels, 3).logLoss) < 1e-12);
});

test('the choice: least log-loss, among equals macro-F1, then the stronger penalty', () => {
  const of = (logLoss: number, macroF1: number, lambda: number) =>
    ({ logLoss, macroF1, lambda, transform: 'none' }) as const;
  assert.equal(bestCandidate([of(0.5, 0.9, 1), of(0.4, 0.1, 1)]), 1);
  assert.equal(bestCandidate([of(0.5, 0.8, 1), of(0.5002, 0.9, 1), of(0.51, 1, 1)]), 1);
  assert.equal(bestCandidate([of(0.5, 0.8, 1), of(0.5, 0.8, 9), of(0.5, 0.8, 3)]), 1);
});

test('what cannot be calibrated is refused', () => {
  for (const [logits, labels] of [
    [[], []],
    [[1, 2, 3], [0]],
    [[1, Number.NaN], [0]],
    [[1, 2], [2]],
  ]) {
    assert.throws(
      () => fitTemperature(Float64Array.from(logits!), Int32Array.from(labels!), 2),
      (e) => isHeadlandError(e, 'HL_CALIBRATION_INVALID'),
    );
  }
});
