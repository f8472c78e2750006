import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { agreementOf } from '../../src/backbone/agreement.js';
import { Histogram } from '../../src/models/quantize/histogram.js';
import { chooseRange, quantizerOf, RANGE_METHODS } from '../../src/models/quantize/ranges.js';
import {
  quantizeBias,
  quantizeWeights,
  roundingShift,
  type WeightRule,
} from '../../src/models/quantize/weights.js';
import { uniform } from './seeded-lite.js';

function histogramOf(...parts: Float32Array[]): Histogram {
  const histogram = new Histogram();
  for (const part of parts) histogram.add(part);
  return histogram;
}

/** Mean squared error of 8-bit values. */
function errorOf(values: Float32Array, range: { low: number; high: number }): number {
  const { scale, zeroPoint } = quantizerOf(range);
  let sum = 0;
  for (const value of values) {
    const level = Math.min(255, Math.max(0, Math.round(value / scale) + zeroPoint));
    sum += (value - (level - zeroPoint) * scale) ** 2;
  }
  return sum / values.length;
}

describe('ranges of activations', () => {
  test('a histogram keeps extremes and counts, whatever the order of small and large values', () => {
    // Eighths: no sum with a power of two rounds.
    const finite = fc.integer({ min: -8000, max: 8000 }).map((n) => n / 8);
    fc.assert(
      fc.property(
        fc.array(fc.array(finite, { minLength: 1, maxLength: 50 }), { minLength: 1, maxLength: 6 }),
        (batches) => {
          const parts = batches.map((batch) => Float32Array.from(batch));
          const grown = histogramOf(...parts);
          const all = Float32Array.from(batches.flat());
          assert.equal(grown.min, Math.min(...all));
          assert.equal(grown.max, Math.max(...all));
          const sorted = histogramOf(all);
          assert.equal(grown.limit, sorted.limit);
          assert.deepEqual(grown.counts, sorted.counts);
          assert.equal(
            grown.counts.reduce((a, b) => a + b, 0),
            all.length,
          );
        },
      ),
    );
  });

  test('every range holds zero on a level of its own', () => {
    const values = Float32Array.from(uniform(3, 5_000), (u) => 2 * u + 1.5);
    for (const method of RANGE_METHODS) {
      const range = chooseRange(histogramOf(values), method);
      const { scale, zeroPoint } = quantizerOf(range);
      assert.ok(range.low <= 0 && range.high > 0, method);
      assert.ok(Number.isInteger(zeroPoint) && zeroPoint >= 0 && zeroPoint <= 255);
      assert.ok(scale > 0);
    }
  });

  test('one far value widens min-max alone; squared error has the least error', () => {
    const values = Float32Array.from(uniform(4, 50_000), (u) => u * u * u);
    values[7] = 90;
    const rest = values.filter((_, i) => i !== 7);
    const histogram = histogramOf(values);
    const [minMax, percentile, squared] = RANGE_METHODS.map((m) => chooseRange(histogram, m));
    assert.deepEqual(minMax, { low: histogram.min, high: 90 });
    assert.ok(percentile!.high < 1.2, String(percentile!.high));
    assert.ok(errorOf(rest, percentile!) < errorOf(rest, minMax!) / 100);
    for (const other of [minMax, percentile]) {
      assert.ok(errorOf(values, squared!) <= errorOf(values, other!) * 1.05);
    }
  });

  test('an activation that is always zero gets a range too', () => {
    for (const method of RANGE_METHODS) {
      const range = chooseRange(histogramOf(new Float32Array(10)), method);
      assert.ok(quantizerOf(range).scale > 0);
    }
  });
});

describe('weights in 8 bits', () => {
  const channels = 6;
  const weights = Float32Array.from(uniform(5, channels * 18), (u, i) => {
    return u * 10 ** (Math.floor(i / 18) - 3);
  });

  const options = (dims: readonly number[], rule: WeightRule = 'full-range') => {
    return { dims, rule, inputScale: 0.02, bias: null };
  };

  test('each channel on its own scale, off by half a level at most', () => {
    const { values, scales } = quantizeWeights(weights, options([channels, 18, 1, 1]));
    for (let c = 0; c < channels; c++) {
      const own = values.subarray(c * 18, (c + 1) * 18);
      assert.equal(Math.max(...own.map(Math.abs)), 127);
      own.forEach((level, i) => {
        const gap = Math.abs(weights[c * 18 + i]! - level * scales[c]!);
        assert.ok(gap <= scales[c]! * 0.5001);
      });
    }
  });

  test('of limited pairs no two products saturate, whatever the activations', () => {
    const shape = fc.record({
      outputs: fc.integer({ min: 1, max: 4 }),
      inputs: fc.integer({ min: 1, max: 9 }),
      kernel: fc.constantFrom(1, 3),
    });
    const value = fc.double({ min: -3, max: 3, noNaN: true });
    fc.assert(
      fc.property(
        shape.chain(({ outputs, inputs, kernel }) => {
          const count = outputs * inputs * kernel * kernel;
          return fc.record({
            dims: fc.constant([outputs, inputs, kernel, kernel] as const),
            drawn: fc.array(value, { minLength: count, maxLength: count }),
          });
        }),
        ({ dims, drawn }) => {
          const own = Float32Array.from(drawn);
          const limited = quantizeWeights(own, options(dims, 'pairs-limited'));
          const [outputs, inputs, kernel] = dims;
          const taps = kernel * kernel;
          for (let o = 0; o < outputs; o++) {
            // The order of a matrix product: all input channels of one place, then the next place.
            const ordered = Array.from({ length: inputs * taps }, (_, k) => {
              return limited.values[(o * inputs + (k % inputs)) * taps + Math.floor(k / inputs)]!;
            });
            for (let k = 0; k + 1 < ordered.length; k += 2) {
              const [a, b] = [ordered[k]!, ordered[k + 1]!];
              assert.ok(255 * (Math.max(0, a) + Math.max(0, b)) <= 32_767, `${a} ${b}`);
              assert.ok(255 * (Math.min(0, a) + Math.min(0, b)) >= -32_768, `${a} ${b}`);
            }
          }
        },
      ),
    );
  });

  test('limiting pairs takes nothing from channels without large pairs, and never 7 bits’ error', () => {
    const alternating = weights.map((weight, i) => Math.abs(weight) * (i % 2 === 0 ? 1 : -1));
    const dims = [channels, 18, 1, 1];
    assert.deepEqual(
      quantizeWeights(alternating, options(dims, 'pairs-limited')),
      quantizeWeights(alternating, options(dims)),
    );
    const same = weights.map(Math.abs);
    const { values, scales } = quantizeWeights(same, options(dims, 'pairs-limited'));
    const error = (level: (i: number) => number) =>
      same.reduce(
        (sum, weight, i) => sum + (weight / scales[Math.floor(i / 18)]! - level(i)) ** 2,
        0,
      );
    const sevenBits = (i: number) => {
      const c = Math.floor(i / 18);
      const step = Math.max(...same.subarray(c * 18, (c + 1) * 18)) / 63;
      return (Math.round(same[i]! / step) * step) / scales[c]!;
    };
    assert.ok(error((i) => values[i]!) < error(sevenBits));
  });

  test('a bias far above its weights does not overflow 32 bits', () => {
    const faint = new Float32Array(4).fill(1e-9);
    const bias = Float32Array.of(50);
    const { scales } = quantizeWeights(faint, {
      dims: [1, 4, 1, 1],
      rule: 'full-range',
      inputScale: 0.01,
      bias,
    });
    const levels = quantizeBias(bias, 0.01, scales);
    assert.ok(Math.abs(levels.values[0]! * levels.scales[0]! - 50) < 1e-3);
  });

  test('the shift of rounding is what a constant input loses, groups minded', () => {
    for (const groups of [1, 2, 3]) {
      const taps = 3;
      const inputs = 6;
      const perChannel = (inputs / groups) * taps;
      const own = Float32Array.from(uniform(6, channels * perChannel));
      const quantized = quantizeWeights(own, options([channels, inputs / groups, taps]));
      const means = Float64Array.from(uniform(7, inputs), (u) => 3 + u);
      const shift = roundingShift(own, quantized, means, groups);
      for (let c = 0; c < channels; c++) {
        let lost = 0;
        const group = Math.floor(c / (channels / groups));
        for (let input = 0; input < inputs / groups; input++) {
          for (let tap = 0; tap < taps; tap++) {
            const at = c * perChannel + input * taps + tap;
            const rounded = quantized.values[at]! * quantized.scales[c]!;
            lost += (own[at]! - rounded) * means[group * (inputs / groups) + input]!;
          }
        }
        assert.ok(Math.abs(shift[c]! - lost) < 1e-9);
      }
    }
  });
});

test('agreement of features: the same, turned and shortened', () => {
  const a = [Float32Array.of(3, 4), Float32Array.of(1, 0)];
  const same = agreementOf(a, a);
  assert.deepEqual([same.cosine, same.leastCosine, same.relativeError], [1, 1, 0]);
  const other = agreementOf(a, [Float32Array.of(1.5, 2), Float32Array.of(0, 1)]);
  assert.ok(Math.abs(other.cosine - 0.5) < 1e-12);
  assert.equal(other.leastCosine, 0);
  assert.ok(Math.abs(other.relativeError - (0.5 + Math.SQRT2) / 2) < 1e-7);
});
