import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeFloat16, encodeFloat16, FLOAT16_MAX } from '../../src/samples/float16.js';

const everyHalf = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const everyValue = decodeFloat16(new Uint8Array(everyHalf.buffer));

/** What the standard says a float16 is worth. */
function worth(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0x1f) return mantissa ? Number.NaN : sign * Infinity;
  return exponent === 0
    ? sign * mantissa * 2 ** -24
    : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

const encodeOne = (value: number): number => {
  const [low, high] = encodeFloat16(Float32Array.of(value));
  return low! | (high! << 8);
};

test('each of the 65,536 float16 decodes to the value the standard gives it', () => {
  for (const bits of everyHalf) {
    assert.ok(Object.is(everyValue[bits], worth(bits)), `bits ${bits}: ${everyValue[bits]}`);
  }
});

test('each of the 65,536 float16 survives a round trip; NaNs become the quiet one', () => {
  const back = new Uint16Array(encodeFloat16(everyValue).buffer);
  for (const bits of everyHalf) {
    const isNaN16 = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
    if (isNaN16) assert.equal(back[bits]! & 0x7fff, 0x7e00);
    else assert.equal(back[bits], bits);
  }
});

test('half-way between neighbours goes to the even one, a hair to either side does not', () => {
  const single = new Float32Array(1);
  const singleBits = new Uint32Array(single.buffer);
  for (let bits = 0; bits < 0x7bff; bits++) {
    const [lower, upper] = [worth(bits), worth(bits + 1)];
    const middle = (lower + upper) / 2;
    assert.equal(Math.fround(middle), middle);
    assert.equal(encodeOne(middle), bits % 2 === 0 ? bits : bits + 1);
    single[0] = middle;
    singleBits[0]! -= 1;
    assert.equal(encodeOne(single[0]!), bits);
    singleBits[0]! += 2;
    assert.equal(encodeOne(single[0]!), bits + 1);
  }
});

test('the edge to infinity', () => {
  assert.equal(encodeOne(FLOAT16_MAX), 0x7bff);
  assert.equal(encodeOne(65_519.996), 0x7bff);
  assert.equal(encodeOne(65_520), 0x7c00);
  assert.equal(encodeOne(-Infinity), 0xfc00);
  assert.equal(encodeOne(-0), 0x8000);
  assert.equal(encodeOne(3.4e38), 0x7c00);
});

test('no float16 lies nearer to any float32 than the one chosen', () => {
  const sorted = [...everyValue.subarray(0, 0x7c00)];
  fc.assert(
    fc.property(fc.float({ noNaN: true, min: -65_504, max: 65_504 }), (value) => {
      const got = worth(encodeOne(value));
      const magnitude = Math.abs(value);
      let [low, high] = [0, sorted.length - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (sorted[middle]! < magnitude) low = middle + 1;
        else high = middle;
      }
      const nearest = Math.min(
        Math.abs(sorted[low]! - magnitude),
        Math.abs(sorted[Math.max(0, low - 1)]! - magnitude),
      );
      assert.equal(Math.abs(Math.abs(got) - magnitude), nearest);
      assert.ok(Object.is(Math.sign(got) || 0, got === 0 ? 0 : Math.sign(value)));
    }),
    { numRuns: 2_000 },
  );
});

test('works on a view into a larger buffer', () => {
  const inside = Float32Array.of(9, 1, -2, 0.5, 9).subarray(1, 4);
  const bytes = new Uint8Array([7, ...encodeFloat16(inside), 7]).subarray(1, 7);
  assert.deepEqual([...decodeFloat16(bytes)], [1, -2, 0.5]);
});
