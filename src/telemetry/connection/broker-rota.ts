import type { Config } from '../../config/schema.js';
import type { BrokerLimits } from './broker-limits.js';
import type { BrokerAccess, ConnectionEnd } from './connection.js';
import { ProtocolChoice } from './protocol-choice.js';

/** Reason codes of a CONNACK that refuses the last will. */
const NO_RETAIN = 0x9a;
const NO_SUCH_QOS = 0x9b;

type WillLimits = Pick<BrokerLimits, 'retain' | 'maxQos'>;

/** What the ends of connections have told about one broker. */
export class KnownBroker {
  readonly choice: ProtocolChoice;
  willLimits: WillLimits = { retain: true, maxQos: 1 };
  /** How the newest attempt ended that did not lead to a ready connection. */
  lastFailure: ConnectionEnd | null = null;

  constructor(protocol: Config['mqtt']['protocol']) {
    this.choice = new ProtocolChoice(protocol);
  }

  /** @returns true when the next attempt differs in what was refused, and need not wait */
  yields(version: 4 | 5, { kind, code }: ConnectionEnd): boolean {
    return this.choice.ended(version, kind) || this.#yieldsWill(code);
  }

  #yieldsWill(code: ConnectionEnd['code']): boolean {
    const { retain, maxQos } = this.willLimits;
    if (code === NO_RETAIN && retain) this.willLimits = { retain: false, maxQos };
    else if (code === NO_SUCH_QOS && maxQos > 0) this.willLimits = { retain, maxQos: 0 };
    else return false;
    return true;
  }
}

export interface RotaOptions {
  protocol: Config['mqtt']['protocol'];
  /** Begin with another broker for each client id. */
  spread: boolean;
  clientId: string;
}

/**
 * Which of several brokers is next: the first, and each of the others in turn while those before it
 * cannot be used. After a loss it begins with the first.
 */
export class BrokerRota {
  readonly #options: RotaOptions;
  readonly #known = new Map<string, KnownBroker>();
  #turn = 0;
  #count = 1;

  constructor(options: RotaOptions) {
    this.#options = options;
  }

  /** The broker of the next attempt. The list may change between two calls. */
  next({ url, otherUrls = [] }: BrokerAccess): { url: string; broker: KnownBroker } {
    const urls = [url, ...otherUrls];
    this.#count = urls.length;
    const first = this.#options.spread ? hash(this.#options.clientId) : 0;
    const chosen = urls[(first + this.#turn) % urls.length] ?? url;
    const known = this.#known.get(chosen) ?? new KnownBroker(this.#options.protocol);
    this.#known.set(chosen, known);
    return { url: chosen, broker: known };
  }

  /** The next attempt begins with the first broker. */
  reset(): void {
    this.#turn = 0;
  }

  /** @returns true when all brokers have had their turn */
  failed(): boolean {
    this.#turn = (this.#turn + 1) % this.#count;
    return this.#turn === 0;
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}
