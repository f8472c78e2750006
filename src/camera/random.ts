/** Uniform in [0, 1). */
export type Random = () => number;

/**
 * A small seeded generator (mulberry32, T. Ettinger 2017, public domain): 32 bits of state, good
 * enough to draw fields and shuffle photos, not for statistics or secrets.
 *
 * @param parts mixed into one 32-bit seed by FNV-1a over their decimal or plain text.
 */
export function seededRandom(...parts: (number | string)[]): Random {
  let state = 0x811c9dc5;
  for (const character of parts.join('/')) {
    state = Math.imul(state ^ character.codePointAt(0)!, 0x01000193);
  }
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A new array in random order: Fisher and Yates' shuffle, unbiased for a uniform `random`. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}

/** Uniform in [low, high). */
export function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random();
}
