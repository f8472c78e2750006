import { sha256 } from './hash.js';

/** A seeded random number generator: the same seed gives the same sequence on every machine. */
export interface Random {
  /** Uniform in [0, 1), 32 random bits. */
  next(): number;
  /** Uniform in [low, high). */
  uniform(low: number, high: number): number;
  /** Uniform integer in [0, n); n from 1 to 2^32. */
  int(n: number): number;
}

/**
 * sfc32 (C. Doty-Humphrey, PractRand): 128 bits of state, passes BigCrush. Not cryptographic.
 *
 * @param seed a safe integer >= 0; all 53 bits count
 */
export function createRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`seed ${seed}`);
  let a = seed >>> 0;
  let b = Math.floor(seed / 0x1_0000_0000) >>> 0;
  let c = 0x9e3779b9;
  let counter = 1;
  const bits = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 15; i++) bits();
  const next = (): number => bits() / 0x1_0000_0000;
  return {
    next,
    uniform: (low, high) => low + (high - low) * next(),
    int: (n) => Math.floor(next() * n),
  };
}

/**
 * A seed for {@link createRandom} that depends on the value, type and position of every part: the
 * first 48 bits of the SHA-256 of their JSON.
 */
export function seedFrom(...parts: (string | number)[]): number {
  return sha256(JSON.stringify(parts)).readUIntBE(0, 6);
}

/** A new array in random order: unbiased Fisher-Yates shuffle. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = random.int(last + 1);
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}
