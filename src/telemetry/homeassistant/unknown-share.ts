const WINDOW = 100;

/** Share of the last 100 predictions of each task that were `unknown`. */
export class UnknownShare {
  readonly #last = new Map<string, boolean[]>();

  /** The share so far, 0..1; null: there was no prediction. */
  of(task: string): number | null {
    const last = this.#last.get(task);
    return last === undefined ? null : last.filter(Boolean).length / last.length;
  }

  /** @returns the share, with this prediction, 0..1 */
  add(task: string, isUnknown: boolean): number {
    const last = this.#last.get(task) ?? [];
    this.#last.set(task, last);
    last.push(isUnknown);
    if (last.length > WINDOW) last.shift();
    return last.filter(Boolean).length / last.length;
  }
}
