/** A seeded source of random numbers: the same seed gives the same numbers on every machine. */
export interface SeededRandom {
  /** In [0, 1), 32 bits. */
  next(): number;
  /** Whole number in 0..n-1; n <= 2³². */
  below(n: number): number;
}

/** xoshiro128** (Blackman & Vigna 2018), its state filled by splitmix32. */
export function seededRandom(seed: number): SeededRandom {
  let mix = seed >>> 0;
  const state = Uint32Array.from({ length: 4 }, () => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  });
  const next32 = (): number => {
    const [a, b, c, d] = state as unknown as [number, number, number, number];
    const five = Math.imul(b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    const t = b << 9;
    const c2 = c ^ a;
    const d2 = d ^ b;
    state[1] = b ^ c2;
    state[0] = a ^ d2;
    state[2] = c2 ^ t;
    state[3] = (d2 << 11) | (d2 >>> 21);
    return result;
  };
  return {
    next: () => next32() / 4294967296,
    below: (n) => Math.floor((next32() / 4294967296) * n),
  };
}
