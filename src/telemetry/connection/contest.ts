/**
 * Suspicion from which a client id counts as contested: four connections in a row that were closed
 * without a reason, or twenty that were also closed at a message. One message ends at most five,
 * because the sender then sets it aside.
 */
const CONTESTED = 20;
const WORDLESS = 5;
const AT_A_MESSAGE = 1;

/** How an accepted connection ended. */
export interface EndOfConnection {
  /** The broker reported that another client with this id has connected (MQTT 5). */
  takenOver: boolean;
  /** The broker closed it without a reason, as old brokers and MQTT 3.1.1 do on a takeover. */
  wordless: boolean;
  /** A message was refused or unanswered, which may be the reason. */
  overMessage: boolean;
  /** How long it was ready, milliseconds. */
  heldMs: number;
}

/**
 * Detects from the ends of connections that another client uses the same client id: the two then
 * keep disconnecting each other. Brokers before MQTT 5, and many since, do not report it. The sign
 * is that the broker accepts every connection and closes each soon after without a reason. A reason
 * gets lost when the robot is sending at that moment: the broker then resets the connection.
 */
export class Contest {
  #suspicion = 0;

  /** @param quietMs a connection that lasts this long is not contested */
  constructor(readonly quietMs: number) {}

  /** @returns true when another client is the likely cause */
  ended({ takenOver, wordless, overMessage, heldMs }: EndOfConnection): boolean {
    if (!wordless || heldMs >= this.quietMs) this.#suspicion = 0;
    else this.#suspicion += overMessage ? AT_A_MESSAGE : WORDLESS;
    return takenOver || this.#suspicion >= CONTESTED;
  }

  /** The broker was unreachable or refused: no takeover. */
  notTaken(): void {
    this.#suspicion = 0;
  }
}
