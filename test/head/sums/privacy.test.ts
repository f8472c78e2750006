import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NEAR_DUPLICATE_COSINE } from '../../../src/base/cosine.js';
import { createRandom } from '../../../src/base/random.js';
import { clusterNearDuplicates } from '../../../src/head/clusters.js';
import { flatten, sumsOfRows } from '../../../src/head/sums/class-sums.js';
import {
  deltaOf,
  gaussianSigma,
  releaseSigma,
  SENSITIVITY,
  secureNormal,
  withNoise,
} from '../../../src/head/sums/privacy.js';
import { hasCode } from '../../errors.js';

const K = 12;

/** Largest loss of privacy of the Gaussian mechanism, as an integral over its outputs. */
function deltaByIntegration(epsilon: number, relative: number): number {
  // Outputs x of N(0, r²) and N(1, r²): δ = ∫ max(0, p₁(x) - e^ε p₀(x)) dx.
  const density = (x: number, mean: number) =>
    Math.exp(-((x - mean) ** 2) / (2 * relative ** 2)) / (relative * Math.sqrt(2 * Math.PI));
  const from = -12 * relative;
  const to = 1 + 12 * relative;
  const steps = 400_000;
  const width = (to - from) / steps;
  let sum = 0;
  for (let i = 0; i < steps; i++) {
    const x = from + (i + 0.5) * width;
    sum += Math.max(0, density(x, 1) - Math.exp(epsilon) * density(x, 0)) * width;
  }
  return sum;
}

test('the noise is the least that keeps what it promises', () => {
  for (const epsilon of [0.5, 1, 3, 10]) {
    for (const delta of [1e-3, 1e-5]) {
      const sigma = gaussianSigma(epsilon, delta, 1);
      const actual = deltaByIntegration(epsilon, sigma);
      assert.ok(Math.abs(actual - delta) < 1e-4 * delta + 1e-10, `${epsilon} ${delta} ${actual}`);
      assert.ok(deltaByIntegration(epsilon, 0.99 * sigma) > delta);
    }
  }
});

test('σ for sensitivity 1 as another program computes it', () => {
  // Bisection with math.erfc of Python 3.11.
  assert.ok(Math.abs(gaussianSigma(1, 1e-5, 1) - 3.730631634815943) < 1e-6);
  assert.ok(Math.abs(gaussianSigma(0.1, 1e-6, 1) - 36.30469042619572) < 1e-5);
});

test('δ by closed form is δ by integration', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.05, max: 8, noNaN: true }),
      fc.double({ min: 0.3, max: 6, noNaN: true }),
      (epsilon, relative) => {
        const expected = deltaByIntegration(epsilon, relative);
        assert.ok(Math.abs(deltaOf(epsilon, relative) - expected) < 1e-8 + 1e-5 * expected);
      },
    ),
    { numRuns: 25 },
  );
});

test('several releases need √T times the noise of one', () => {
  const one = releaseSigma({ epsilon: 1, delta: 1e-5, releases: 1 });
  const nine = releaseSigma({ epsilon: 1, delta: 1e-5, releases: 9 });
  assert.ok(Math.abs(nine / one - 3) < 1e-9);
  assert.ok(Math.abs(one - gaussianSigma(1, 1e-5, SENSITIVITY)) < 1e-9);
});

test('one sample moves the sums of its class by √3 at most', () => {
  const unit = fc
    .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: K, maxLength: K })
    .map((values) => {
      const norm = Math.hypot(...values);
      return values.map((value) => (norm > 1e-9 ? value / norm : 0));
    });
  fc.assert(
    fc.property(
      fc.array(unit, { minLength: 2, maxLength: 8 }),
      fc.double({ min: 0.1, max: 1, noNaN: true }),
      (rows, share) => {
        const z = Float64Array.from(rows.flat());
        const shares = new Float64Array(rows.length).fill(share);
        const every = [...rows.keys()];
        const all = flatten(sumsOfRows(z, K, every, shares));
        const without = flatten(sumsOfRows(z, K, every.slice(1), shares));
        const change = Math.hypot(...all.map((value, i) => value - without[i]!));
        assert.ok(change <= SENSITIVITY + 1e-9, `${change}`);
      },
    ),
  );
  // The bound is reached by a sample along one axis.
  const axis = new Float64Array(K);
  axis[0] = 1;
  const one = flatten(sumsOfRows(axis, K, [0], Float64Array.of(1)));
  assert.ok(Math.abs(Math.hypot(...one) - SENSITIVITY) < 1e-12);
});

test('noise has the deviation that is asked for, in every value', () => {
  const zero = { samples: 100, sum: new Float64Array(200), gram: new Float64Array(20_100) };
  const { samples, sum, gram } = withNoise(zero, 2);
  assert.notEqual(samples, 100);
  for (const values of [sum, gram]) {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    // Six standard errors of each estimate.
    assert.ok(Math.abs(mean) < (6 * 2) / Math.sqrt(values.length));
    assert.ok(Math.abs(deviation - 2) < (6 * 2) / Math.sqrt(2 * values.length), `${deviation}`);
  }
  const normal = secureNormal();
  const drawn = Array.from({ length: 1_000 }, normal);
  assert.equal(new Set(drawn).size, 1_000);
});

test('a number of samples stays positive under noise', () => {
  const random = createRandom(1);
  const tiny = { samples: 1, sum: new Float64Array(1), gram: new Float64Array(1) };
  for (let i = 0; i < 100; i++) {
    assert.ok(withNoise(tiny, 50, () => 4 * (random.next() - 0.5)).samples >= 1);
  }
});

test('impossible budgets are refused', () => {
  for (const [epsilon, delta, sensitivity] of [
    [0, 1e-5, 1],
    [1, 0, 1],
    [1, 1, 1],
    [1, 1e-5, 0],
    [Number.NaN, 1e-5, 1],
  ] as const) {
    assert.throws(() => gaussianSigma(epsilon, delta, sensitivity), hasCode('HL_PRIVACY_INVALID'));
  }
});

test('shares of near-duplicates break the bound: the first of a cluster holds the others down', () => {
  // Followers resemble the first sample, but not each other.
  const near = NEAR_DUPLICATE_COSINE + 1e-4;
  const rows = new Float32Array(4 * K);
  rows[0] = 1;
  for (let row = 1; row < 4; row++) {
    rows[row * K] = near;
    rows[row * K + row] = Math.sqrt(1 - near ** 2);
  }
  const sums = (features: Float32Array) => {
    const n = features.length / K;
    const same = new Int32Array(n);
    const clusters = clusterNearDuplicates(features, K, same, same);
    const size = (cluster: number) => clusters.filter((other) => other === cluster).length;
    const shares = Float64Array.from(clusters, (cluster) => 1 / size(cluster));
    return flatten(sumsOfRows(Float64Array.from(features), K, [...same.keys()], shares));
  };
  const all = sums(rows);
  const without = sums(rows.subarray(K));
  const change = Math.hypot(...all.map((value, i) => value - without[i]!));
  assert.ok(change > SENSITIVITY, `${change}`);
});
