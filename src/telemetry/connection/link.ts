import { Backoff } from '../../base/backoff.js';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { IncomingCommand } from '../commands/command-desk.js';
import {
  type BrokerCredentials,
  Connection,
  type ConnectionEnd,
  type ConnectionOptions,
  type Publication,
} from './connection.js';
import { ProtocolChoice } from './protocol-choice.js';

/** A connection that held so long was a good one: the back-off begins anew. */
const STABLE_MS = 10_000;

export interface LinkOptions {
  brokerUrl: string;
  clientId: string;
  settings: Config['mqtt'];
  credentials: BrokerCredentials;
  subscription: ConnectionOptions['subscription'];
  log: Log;
  /** The last will for the connection with this number. */
  will: (session: number) => Publication;
  onReady: () => void;
  onCommand: (command: IncomingCommand) => void;
  /** A connection that had been ready is gone. */
  onLost: () => void;
  /** Uniform in [0, 1). */
  random?: () => number;
}

/** Keeps a connection to the broker: tries for ever, with back-off, in the version it speaks. */
export class Link {
  readonly #options: LinkOptions;
  readonly #backoff: Backoff;
  readonly #choice: ProtocolChoice;
  #connection: Connection | null = null;
  #timer: NodeJS.Timeout | null = null;
  #session = 0;
  #readyAtMs: number | null = null;
  #stopped = true;
  #lastEnd: ConnectionEnd | null = null;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { backoffInitialMs, backoffMaxMs, protocol } = options.settings;
    this.#backoff = new Backoff(
      { initialMs: backoffInitialMs, maxMs: backoffMaxMs },
      options.random,
    );
    this.#choice = new ProtocolChoice(protocol);
  }

  /** The connection while it is ready to publish. */
  get ready(): Connection | null {
    return this.#connection?.ready ? this.#connection : null;
  }

  /** Counts connections since the start; the current one while there is one. */
  get session(): number {
    return this.#session;
  }

  get lastEnd(): ConnectionEnd | null {
    return this.#lastEnd;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    // Robots that are switched on together do not connect together.
    this.#connectIn(this.#backoff.nextMs());
  }

  /** Ends the connection politely and tries no more. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#connection?.close(timeoutMs);
  }

  #connectIn(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#connect();
    }, delayMs);
  }

  #connect(): void {
    const options = this.#options;
    const session = ++this.#session;
    const protocolVersion = this.#choice.next();
    try {
      this.#connection = new Connection({
        brokerUrl: options.brokerUrl,
        protocolVersion,
        clientId: options.clientId,
        settings: options.settings,
        credentials: options.credentials,
        will: options.will(session),
        subscription: options.subscription,
        onReady: () => {
          this.#readyAtMs = performance.now();
          this.#lastEnd = null;
          options.log.info({ protocolVersion, session }, 'connected to the broker');
          options.onReady();
        },
        onCommand: options.onCommand,
        onEnd: (end) => this.#onEnd(protocolVersion, end),
        onWarning: (message) => options.log.warn({ code: 'HL_BROKER_REFUSED' }, message),
      });
    } catch (error) {
      this.#onEnd(protocolVersion, { kind: 'unreachable', message: messageOf(error) });
    }
  }

  #onEnd(protocolVersion: 4 | 5, end: ConnectionEnd): void {
    const wasReady = this.#readyAtMs !== null;
    const heldMs = this.#readyAtMs === null ? 0 : performance.now() - this.#readyAtMs;
    this.#connection = null;
    this.#readyAtMs = null;
    if (wasReady) this.#options.onLost();
    if (this.#stopped) return;
    if (heldMs >= STABLE_MS) this.#backoff.reset();
    const atOnce = this.#choice.ended(protocolVersion, end.kind);
    const delayMs = atOnce ? 0 : this.#backoff.nextMs();
    this.#report(protocolVersion, end, delayMs);
    this.#connectIn(delayMs);
  }

  /** The same failure again is only worth a debug line. */
  #report(protocolVersion: 4 | 5, end: ConnectionEnd, delayMs: number): void {
    const same = this.#lastEnd?.kind === end.kind && this.#lastEnd.code === end.code;
    this.#lastEnd = end;
    const fields = {
      code: CODES[end.kind],
      protocolVersion,
      retryMs: Math.round(delayMs),
      reason: end.code,
    };
    const message = `no connection to the broker: ${end.message}`;
    if (end.kind === 'version') this.#options.log.info(fields, message);
    else if (same) this.#options.log.debug(fields, message);
    else this.#options.log.warn(fields, message);
  }
}

const CODES = {
  version: 'HL_BROKER_PROTOCOL',
  silent: 'HL_BROKER_CLOSED',
  refused: 'HL_BROKER_REFUSED',
  unreachable: 'HL_BROKER_UNREACHABLE',
  lost: 'HL_BROKER_LOST',
} as const;
