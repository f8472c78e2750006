/** The largest finite float16. */
export const FLOAT16_MAX = 65_504;

/**
 * Packs floats as IEEE 754 binary16, little-endian: 2 bytes each, rounded to nearest, ties to even.
 * Values beyond ±65,519.99 become infinity; NaN stays NaN.
 * @param values any length n
 * @returns 2 n bytes
 */
export function encodeFloat16(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bytes = new Uint8Array(values.length * 2);
  for (let i = 0; i < bits.length; i++) {
    const half = halfOf(bits[i]!);
    bytes[2 * i] = half & 0xff;
    bytes[2 * i + 1] = half >>> 8;
  }
  return bytes;
}

/**
 * The inverse of {@link encodeFloat16}: exact, every float16 is a float32.
 * @param bytes 2 n bytes, little-endian
 */
export function decodeFloat16(bytes: Uint8Array): Float32Array {
  const values = new Float32Array(bytes.length >>> 1);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < values.length; i++) {
    bits[i] = singleOf(bytes[2 * i]! | (bytes[2 * i + 1]! << 8));
  }
  return values;
}

/** Bits of a float32 to bits of the nearest float16. */
function halfOf(single: number): number {
  const sign = (single >>> 16) & 0x8000;
  const magnitude = single & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65,520 and above round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - 0x38000000) >>> 13);
  }
  // Below 2^-14: a subnormal in steps of 2^-24; below half a step it is zero.
  if (magnitude < 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const whole = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (whole + (rest > half || (rest === half && (whole & 1) === 1) ? 1 : 0));
}

/** Bits of a float16 to bits of the equal float32. */
function singleOf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  let mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  if (mantissa === 0) return sign;
  const shift = Math.clz32(mantissa) - 21;
  mantissa = (mantissa << shift) & 0x3ff;
  return sign | ((113 - shift) << 23) | (mantissa << 13);
}
