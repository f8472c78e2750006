/** A binary heap: gives the first of its items at any time, without sorting them all. */
export class Heap<T> {
  readonly #items: T[];

  /**
   * Takes time in proportion to the number of items.
   * @param isBefore whether `a` comes before `b`
   */
  constructor(
    items: Iterable<T>,
    private readonly isBefore: (a: T, b: T) => boolean,
  ) {
    this.#items = [...items];
    for (let i = (this.#items.length >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  get size(): number {
    return this.#items.length;
  }

  /** The first item; undefined: there is none. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /** Takes the first item out. */
  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (items.length > 0) {
      items[0] = last!;
      this.#sink(0);
    }
    return first;
  }

  /** Call it when the first item has changed so that others may come before it. */
  sinkFirst(): void {
    this.#sink(0);
  }

  #sink(from: number): void {
    const items = this.#items;
    const item = items[from];
    if (item === undefined) return;
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.isBefore(items[child + 1]!, items[child]!)) child += 1;
      if (!this.isBefore(items[child]!, item)) break;
      items[i] = items[child]!;
      i = child;
    }
    items[i] = item;
  }
}
