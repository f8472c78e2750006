import type { Position } from '../../base/geo/position.js';

/** The last position, as long as it is fresh. Ages are monotonic. */
export class CurrentPosition {
  #position: Position | null = null;
  #receivedMs = 0;
  #last: { position: Position; atMs: number } | null = null;

  constructor(
    private readonly maxAgeMs: number,
    private readonly nowMs: () => number,
  ) {}

  /** @param position null: the receiver has no fix */
  set(position: Position | null): void {
    this.#position = position;
    this.#receivedMs = this.nowMs();
    if (position !== null) this.#last = { position, atMs: this.#receivedMs };
  }

  /** The last position that was known, however long ago; null: none was. */
  get last(): { position: Position; ageMs: number } | null {
    return this.#last && { position: this.#last.position, ageMs: this.nowMs() - this.#last.atMs };
  }

  /** Null: not known, or too old. */
  get(): Position | null {
    return this.nowMs() - this.#receivedMs <= this.maxAgeMs ? this.#position : null;
  }
}
