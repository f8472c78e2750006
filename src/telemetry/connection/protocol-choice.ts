import type { Config } from '../../config/schema.js';
import type { ConnectionEnd } from './connection.js';

/** Time until MQTT 5 is tried again: a broker may be upgraded. */
const ASK_AGAIN_MS = 600_000;

/**
 * Chooses the protocol version of the next CONNECT: MQTT 5 first; 3.1.1 if the broker refuses 5 or
 * closes the connection without an answer (old brokers cannot parse the new CONNECT).
 */
export class ProtocolChoice {
  readonly #setting: Config['mqtt']['protocol'];
  readonly #nowMs: () => number;
  #oldUntilMs = Number.NEGATIVE_INFINITY;

  /** @param nowMs a monotonic clock, milliseconds */
  constructor(setting: Config['mqtt']['protocol'], nowMs: () => number = () => performance.now()) {
    this.#setting = setting;
    this.#nowMs = nowMs;
  }

  next(): 4 | 5 {
    if (this.#setting !== 'auto') return this.#setting === '5' ? 5 : 4;
    return this.#nowMs() < this.#oldUntilMs ? 4 : 5;
  }

  /** @returns true when the next attempt uses another version and need not wait */
  ended(version: 4 | 5, kind: ConnectionEnd['kind']): boolean {
    if (this.#setting !== 'auto') return false;
    if (version === 5 && (kind === 'version' || kind === 'silent')) {
      this.#oldUntilMs = this.#nowMs() + ASK_AGAIN_MS;
      // A broker that is shutting down is silent too, and must not be flooded with attempts.
      return kind === 'version';
    }
    // Neither version got an answer: the version is not the cause.
    if (version === 4 && (kind === 'version' || kind === 'silent')) {
      this.#oldUntilMs = Number.NEGATIVE_INFINITY;
    }
    return false;
  }
}
