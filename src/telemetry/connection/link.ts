import type { AlarmSwitch } from '../../base/alarms.js';
import { Backoff } from '../../base/backoff.js';
import { type ErrorCode, HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { IncomingCommand } from '../commands/command-desk.js';
import {
  type BrokerAccess,
  Connection,
  type ConnectionEnd,
  type ConnectionOptions,
  type Publication,
} from './connection.js';
import { Contest } from './contest.js';
import { ProtocolChoice } from './protocol-choice.js';

/** A connection that lasts this long resets the back-off. */
const STABLE_MS = 10_000;
/** Time without a broker before the alarm: robots in the field are often out of range. */
const UNREACHABLE_ALARM_MS = 60_000;

export interface LinkOptions {
  /**
   * Called for every connection, so that a corrected secret takes effect. Throws HeadlandErrors.
   */
  access: () => BrokerAccess;
  clientId: string;
  settings: Config['mqtt'];
  subscription: ConnectionOptions['subscription'];
  alarms: AlarmSwitch;
  log: Log;
  /** Last will of the connection with this number. */
  will: (session: number) => Publication;
  onReady: () => void;
  onCommand: (command: IncomingCommand) => void;
  /** Called when a ready connection is lost. */
  onLost: () => void;
  /** Uniform in [0, 1). */
  random?: () => number;
}

/**
 * Keeps a connection to the broker: reconnects without limit, with back-off and version fallback.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #backoff: Backoff;
  readonly #choice: ProtocolChoice;
  #connection: Connection | null = null;
  #timer: NodeJS.Timeout | null = null;
  #session = 0;
  #readyAtMs: number | null = null;
  /** When the connection was lost, monotonic milliseconds. */
  #downSinceMs = 0;
  readonly #contest: Contest;
  #uncontested: NodeJS.Timeout | null = null;
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
    // A competing client reconnects within its own back-off.
    this.#contest = new Contest(Math.max(STABLE_MS, 2 * backoffMaxMs));
  }

  /** The connection while it is ready to publish. */
  get ready(): Connection | null {
    return this.#connection?.ready ? this.#connection : null;
  }

  /** Number of connection attempts since the start. */
  get session(): number {
    return this.#session;
  }

  get lastEnd(): ConnectionEnd | null {
    return this.#lastEnd;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#downSinceMs = performance.now();
    // Robots that are switched on together must not connect together.
    this.#connectIn(this.#backoff.nextMs());
  }

  /** Closes the connection and stops reconnecting. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#uncontested !== null) clearTimeout(this.#uncontested);
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
        access: options.access(),
        protocolVersion,
        clientId: options.clientId,
        settings: options.settings,
        will: options.will(session),
        subscription: options.subscription,
        onReady: () => this.#onReady(protocolVersion, session),
        onCommand: options.onCommand,
        onEnd: (end) => this.#onEnd(protocolVersion, end),
        onSubscribed: (refusal) => this.#onSubscribed(refusal),
      });
    } catch (error) {
      if (isHeadlandError(error)) {
        // An unreadable secret raises the alarm now: waiting would not help.
        options.alarms.raise('mqtt', error);
        this.#connectIn(this.#backoff.nextMs());
        return;
      }
      const message = messageOf(error);
      const end = { kind: 'unreachable' as const, message, wordless: false, overMessage: false };
      this.#onEnd(protocolVersion, end);
    }
  }

  #onReady(protocolVersion: 4 | 5, session: number): void {
    const { alarms, log, onReady } = this.#options;
    this.#readyAtMs = performance.now();
    this.#lastEnd = null;
    alarms.clear('mqtt');
    this.#uncontested = setTimeout(() => alarms.clear('mqtt-client-id'), this.#contest.quietMs);
    this.#uncontested.unref();
    log.info({ protocolVersion, session }, 'connected to the broker');
    onReady();
  }

  #onSubscribed(refusal: string | null): void {
    const { alarms, subscription } = this.#options;
    if (refusal === null) {
      alarms.clear('mqtt-commands');
      return;
    }
    const { filter } = subscription;
    const error = new HeadlandError(
      'HL_BROKER_SUBSCRIPTION_REFUSED',
      `the broker refuses the subscription to commands (${filter}): ${refusal}`,
      {
        remedy: `Allow the robot to read ${filter} in the access list of the broker.`,
        details: { filter },
      },
    );
    alarms.raise('mqtt-commands', error);
  }

  #onEnd(protocolVersion: 4 | 5, end: ConnectionEnd): void {
    const wasReady = this.#readyAtMs !== null;
    const heldMs = this.#readyAtMs === null ? 0 : performance.now() - this.#readyAtMs;
    this.#connection = null;
    this.#readyAtMs = null;
    if (this.#uncontested !== null) clearTimeout(this.#uncontested);
    if (wasReady) {
      this.#downSinceMs = performance.now();
      this.#options.onLost();
    }
    if (this.#stopped) return;
    this.#judge(end, wasReady, heldMs);
    if (heldMs >= STABLE_MS) this.#backoff.reset();
    const atOnce = this.#choice.ended(protocolVersion, end.kind);
    const delayMs = atOnce ? 0 : this.#backoff.nextMs();
    this.#report(protocolVersion, end, delayMs);
    this.#connectIn(delayMs);
  }

  /** Raises an alarm for a refusal, a long outage or a contested client id. */
  #judge(end: ConnectionEnd, wasReady: boolean, heldMs: number): void {
    const { alarms, clientId } = this.#options;
    const takenOver = end.kind === 'taken-over';
    if (wasReady || takenOver) {
      const { wordless, overMessage } = end;
      const contested = this.#contest.ended({ takenOver, wordless, overMessage, heldMs });
      if (contested) alarms.raise('mqtt-client-id', otherClient(clientId, takenOver));
      return;
    }
    this.#contest.notTaken();
    const downForMs = performance.now() - this.#downSinceMs;
    const isLong = end.kind !== 'version' && downForMs >= UNREACHABLE_ALARM_MS;
    if (end.kind === 'refused' || isLong) alarms.raise('mqtt', noBroker(end));
  }

  /** Logs the end; a repetition of the same failure only at debug level. */
  #report(protocolVersion: 4 | 5, end: ConnectionEnd, delayMs: number): void {
    const sameKind = this.#lastEnd?.kind === end.kind;
    const same = sameKind && (end.kind === 'lost' || this.#lastEnd?.code === end.code);
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

function noBroker({ kind, message, code: reason }: ConnectionEnd): HeadlandError {
  const code = kind === 'refused' ? 'HL_BROKER_REFUSED' : 'HL_BROKER_UNREACHABLE';
  return new HeadlandError(code, `no connection to the broker: ${message}`, {
    remedy:
      kind === 'refused'
        ? 'Correct mqtt.username and mqtt.password, or the access list of the broker.'
        : 'Start the broker, or correct mqtt.url; check the network.',
    details: { reason: reason ?? null },
  });
}

function otherClient(clientId: string, certain: boolean): HeadlandError {
  return new HeadlandError(
    'HL_BROKER_CLIENT_ID_TAKEN',
    certain
      ? `another client with the client id "${clientId}" takes over this robot's connection`
      : `the broker accepts the robot's connections and closes each soon after: another client probably uses the client id "${clientId}"`,
    {
      remedy:
        'Give every robot its own robot.id (or mqtt.clientId). Look for a second robot with a copy of this card.',
      details: { clientId },
    },
  );
}

const CODES = {
  version: 'HL_BROKER_PROTOCOL',
  silent: 'HL_BROKER_CLOSED',
  refused: 'HL_BROKER_REFUSED',
  unreachable: 'HL_BROKER_UNREACHABLE',
  lost: 'HL_BROKER_LOST',
  'taken-over': 'HL_BROKER_CLIENT_ID_TAKEN',
} as const satisfies Record<ConnectionEnd['kind'], ErrorCode>;
