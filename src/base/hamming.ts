/** A 64-bit hash (16 hex digits) as two unsigned 32-bit numbers: fast where BigInt is slow. */
export function splitHash(hash: string): [high: number, low: number] {
  return [Number.parseInt(hash.slice(0, 8), 16), Number.parseInt(hash.slice(8, 16), 16)];
}

/** Number of differing bits, 0..64. */
export function hammingBits(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  return countBits(aHigh ^ bHigh) + countBits(aLow ^ bLow);
}

/** Number of differing bits of two 64-bit hashes of 16 hex digits, 0..64. */
export function hammingDistance(a: string, b: string): number {
  return hammingBits(...splitHash(a), ...splitHash(b));
}

/** Bits that are set in a 32-bit number (Warren, Hacker's Delight, figure 5-2). */
function countBits(value: number): number {
  let v = value - ((value >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  v = (v + (v >>> 4)) & 0x0f0f0f0f;
  return Math.imul(v, 0x01010101) >>> 24;
}
