/**
 * A place for one value: a newer one replaces an older one that nobody took. It is how a slow
 * reader sees the newest frame of a fast camera without a queue.
 */
export class LatestSlot<T> {
  #value: { value: T } | null = null;
  #taker: ((value: T | null) => void) | null = null;
  #closed = false;
  #dropped = 0;

  /** Values that were replaced, or put after close(), before anyone took them. */
  get dropped(): number {
    return this.#dropped;
  }

  put(value: T): void {
    if (this.#closed) {
      this.#dropped += 1;
    } else if (this.#taker) {
      const taker = this.#taker;
      this.#taker = null;
      taker(value);
    } else {
      if (this.#value) this.#dropped += 1;
      this.#value = { value };
    }
  }

  /**
   * The newest value, as soon as there is one; null once the slot is closed. One reader only.
   *
   * @throws Error when a reader already waits: two readers would steal each other's frames.
   */
  async take(): Promise<T | null> {
    if (this.#taker) throw new Error('a LatestSlot has one reader, and it is already waiting');
    if (this.#value) {
      const { value } = this.#value;
      this.#value = null;
      return value;
    }
    if (this.#closed) return null;
    return new Promise((resolve) => {
      this.#taker = resolve;
    });
  }

  /** Lets go of the value and tells a waiting reader that nothing will come. */
  close(): void {
    this.#closed = true;
    if (this.#value) this.#dropped += 1;
    this.#value = null;
    this.#taker?.(null);
    this.#taker = null;
  }
}
