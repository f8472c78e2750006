/** A level that has to stay for a time before it counts: contacts bounce. */
export class Debouncer {
  #level: boolean;
  /** Since when the other level has been seen without a break; null: it is not seen. */
  #otherSinceMs: number | null = null;

  constructor(
    private readonly debounceMs: number,
    level: boolean,
  ) {
    this.#level = level;
  }

  /**
   * Takes a reading. @param nowMs monotonic, milliseconds; must not run backwards
   * @returns the new level when it has just changed, else null
   */
  read(level: boolean, nowMs: number): boolean | null {
    if (level === this.#level) {
      this.#otherSinceMs = null;
      return null;
    }
    this.#otherSinceMs ??= nowMs;
    if (nowMs - this.#otherSinceMs < this.debounceMs) return null;
    this.#level = level;
    this.#otherSinceMs = null;
    return level;
  }
}
