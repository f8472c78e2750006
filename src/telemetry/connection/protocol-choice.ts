import type { Config } from '../../config/schema.js';
import type { ConnectionEnd } from './connection.js';

/** A broker may learn MQTT 5 by an upgrade: it is asked again after so long. */
const ASK_AGAIN_MS = 600_000;

/**
 * Which protocol version the next CONNECT speaks: MQTT 5 first; 3.1.1 where the broker refuses 5
 * or hangs up on it without a word (old brokers cannot read the new CONNECT).
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

  /** @returns true when the next attempt speaks another version and need not wait */
  ended(version: 4 | 5, kind: ConnectionEnd['kind']): boolean {
    if (this.#setting !== 'auto') return false;
    if (version === 5 && (kind === 'version' || kind === 'silent')) {
      this.#oldUntilMs = this.#nowMs() + ASK_AGAIN_MS;
      // Silence may also be a broker that is just going down: that one must not be hammered.
      return kind === 'version';
    }
    // Neither version got an answer: it was not the version.
    if (version === 4 && (kind === 'version' || kind === 'silent')) {
      this.#oldUntilMs = Number.NEGATIVE_INFINITY;
    }
    return false;
  }
}
