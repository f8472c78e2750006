/** Consecutive connections closed without a reason that count as a contested client id. */
const WORDLESS_ENDS = 4;

/** How an accepted connection ended. */
export interface EndOfConnection {
  /** The broker reported that another client with this id has connected (MQTT 5). */
  takenOver: boolean;
  /** The broker closed it without a reason, as old brokers and MQTT 3.1.1 do on a takeover. */
  wordless: boolean;
  /** How long it was ready, milliseconds. */
  heldMs: number;
}

/**
 * Detects from the ends of connections that another client uses the same client id: the two then
 * keep disconnecting each other. Brokers before MQTT 5, and many since, do not report it. The sign
 * is that the broker accepts every connection and closes each soon after without a reason.
 */
export class Contest {
  #wordlessEnds = 0;

  /** @param quietMs a connection that lasts this long is not contested */
  constructor(readonly quietMs: number) {}

  /** @returns true when another client is the likely cause */
  ended({ takenOver, wordless, heldMs }: EndOfConnection): boolean {
    const inARow = wordless && heldMs < this.quietMs;
    this.#wordlessEnds = inARow ? this.#wordlessEnds + 1 : 0;
    return takenOver || this.#wordlessEnds >= WORDLESS_ENDS;
  }

  /** The broker was unreachable or refused: no takeover. */
  notTaken(): void {
    this.#wordlessEnds = 0;
  }
}
