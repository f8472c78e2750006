/** So many connections in a row that the broker took and closed without a word are no accident. */
const WORDLESS_ENDS = 4;

/** How a connection ended that the broker had taken. */
export interface EndOfConnection {
  /** The broker said that another client with this id has come (MQTT 5). */
  takenOver: boolean;
  /** The broker closed it without a reason: what old brokers do then, and others before MQTT 5. */
  wordless: boolean;
  /** How long it had been ready, milliseconds. */
  heldMs: number;
}

/**
 * Tells from how connections end whether another client uses the same id: each of the two then throws
 * the other out. Brokers before MQTT 5, and many since, do not say so; what gives it away is that the
 * broker takes every connection and closes each soon after without a reason.
 */
export class Contest {
  #wordlessEnds = 0;

  /** @param quietMs a connection that has held so long was not contested */
  constructor(readonly quietMs: number) {}

  /** @returns true when another client must be behind it */
  ended({ takenOver, wordless, heldMs }: EndOfConnection): boolean {
    const inARow = wordless && heldMs < this.quietMs;
    this.#wordlessEnds = inARow ? this.#wordlessEnds + 1 : 0;
    return takenOver || this.#wordlessEnds >= WORDLESS_ENDS;
  }

  /** There was no way to the broker, or it refused: then nobody is thrown out. */
  notTaken(): void {
    this.#wordlessEnds = 0;
  }
}
