import type { AlarmSwitch } from '../../base/alarms.js';
import { Backoff } from '../../base/backoff.js';
import { type ErrorCode, HeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { IncomingCommand } from '../commands/command-desk.js';
import { concernsConsumersOnly, type MissingFeature, missingFeatures } from './broker-limits.js';
import { BrokerRota, type KnownBroker } from './broker-rota.js';
import { connectSpreadMs } from './connect-spread.js';
import {
  type BrokerAccess,
  Connection,
  type ConnectionEnd,
  type ConnectionOptions,
  keepsSession,
  type Publication,
  type TopicSubscription,
} from './connection.js';
import { Contest } from './contest.js';
import { SessionRescue, type SessionStart } from './session-rescue.js';

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
  /** Read for every connection. */
  topics?: () => readonly TopicSubscription[];
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
  readonly #rota: BrokerRota;
  /** Of the newest attempt. */
  #url: string | null = null;
  /** The connection is being closed to be opened again. */
  #isRenewing = false;
  #connection: Connection | null = null;
  #timer: NodeJS.Timeout | null = null;
  #session = 0;
  #readyAtMs: number | null = null;
  /** When the connection was lost, monotonic milliseconds. */
  #downSinceMs = 0;
  readonly #contest: Contest;
  /** Of all brokers together: the nodes of a cluster share their sessions. */
  readonly #rescue = new SessionRescue();
  #uncontested: NodeJS.Timeout | null = null;
  #stopped = true;
  #lastEnd: ConnectionEnd | null = null;
  #missing: readonly MissingFeature[] = [];

  constructor(options: LinkOptions) {
    this.#options = options;
    const { backoffInitialMs, backoffMaxMs, protocol } = options.settings;
    this.#backoff = new Backoff(
      { initialMs: backoffInitialMs, maxMs: backoffMaxMs },
      options.random,
    );
    const { clientId } = options;
    this.#rota = new BrokerRota({ protocol, spread: options.settings.spreadBrokers, clientId });
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

  /** Why there is no connection; null: there is one, or nothing has been tried. */
  get problem(): HeadlandError | null {
    const end = this.#lastEnd;
    return end === null || this.ready !== null ? null : problemOf(end);
  }

  /** Of the broker of the newest attempt; null before the first. */
  get url(): string | null {
    return this.#url;
  }

  /** What the broker of the last ready connection lacks. */
  get missing(): readonly MissingFeature[] {
    return this.#missing;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#downSinceMs = performance.now();
    // Robots that are switched on together must not connect together.
    this.#connectIn(this.#within(connectSpreadMs(this.#options.settings)));
  }

  /**
   * Connects again, soon and without a last will, with what `access` gives now. Brokers notice a new
   * certificate or password only in a new connection.
   */
  async renew(timeoutMs: number): Promise<void> {
    if (this.#stopped || this.#isRenewing) return;
    if (this.#connection === null) {
      if (this.#timer === null) return;
      clearTimeout(this.#timer);
      this.#connectIn(this.#within(this.#options.settings.backoffInitialMs));
      return;
    }
    this.#isRenewing = true;
    await this.#connection.close(timeoutMs).finally(() => {
      this.#isRenewing = false;
    });
  }

  /** @returns a random delay, so that robots do not act together */
  #within(maxMs: number): number {
    return (this.#options.random ?? Math.random)() * maxMs;
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
    try {
      const access = options.access();
      const { url, broker } = this.#rota.next(access);
      this.#url = url;
      this.#open({ ...access, url }, broker, session);
    } catch (error) {
      // An unreadable secret raises the alarm now: waiting would not help.
      options.alarms.raise('mqtt', error);
      this.#connectIn(this.#backoff.nextMs());
    }
  }

  #open(access: BrokerAccess, broker: KnownBroker, session: number): void {
    const options = this.#options;
    const protocolVersion = broker.choice.next();
    const sessionStart = this.#rescue.begin();
    try {
      this.#connection = new Connection({
        access,
        protocolVersion,
        clientId: options.clientId,
        settings: options.settings,
        will: options.will(session),
        willLimits: broker.willLimits,
        sessionStart,
        subscription: options.subscription,
        topics: options.topics?.() ?? [],
        onReady: () => this.#onReady(broker, protocolVersion, session),
        onCommand: options.onCommand,
        onEnd: (end) => this.#onEnd(broker, protocolVersion, end),
        onSubscribed: (refusal) => this.#onSubscribed(refusal),
      });
    } catch (error) {
      const message = messageOf(error);
      this.#onEnd(broker, protocolVersion, {
        kind: 'unreachable',
        message,
        wordless: false,
        atSubscription: false,
        overMessage: false,
      });
    }
  }

  #onReady(broker: KnownBroker, protocolVersion: 4 | 5, session: number): void {
    const { alarms, log, onReady } = this.#options;
    this.#readyAtMs = performance.now();
    this.#lastEnd = null;
    broker.lastFailure = null;
    this.#rota.reset();
    alarms.clear('mqtt');
    this.#uncontested = setTimeout(() => alarms.clear('mqtt-client-id'), this.#contest.quietMs);
    this.#uncontested.unref();
    log.info({ protocolVersion, session, broker: this.#url }, 'connected to the broker');
    this.#reportLimits(broker);
    this.#reportRescue(this.#rescue.subscribed());
    onReady();
  }

  /** Says what the broker lacks, once for as long as it lacks the same. */
  #reportLimits(broker: KnownBroker): void {
    const { settings, log } = this.#options;
    const limits = this.#connection?.limits;
    if (limits === undefined) return;
    broker.willLimits = limits;
    const missing = missingFeatures(limits, settings.sessionExpirySeconds);
    const isNew = missing.some(({ name }) => !this.#missing.some((known) => known.name === name));
    this.#missing = missing;
    if (!isNew) return;
    const fields = { code: 'HL_BROKER_LIMITED', missing: missing.map(({ name }) => name) };
    const message = `the broker has limits: ${missing.map(({ text }) => text).join('; ')}`;
    if (concernsConsumersOnly(missing)) log.info(fields, message);
    else log.warn(fields, message);
  }

  #reportRescue(start: Exclude<SessionStart, 'usual'> | null): void {
    if (start === null) return;
    this.#options.log.warn({ code: 'HL_BROKER_LIMITED', sessionStart: start }, RESCUES[start]);
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

  #onEnd(broker: KnownBroker, protocolVersion: 4 | 5, end: ConnectionEnd): void {
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
    if (this.#isRenewing) {
      this.#options.log.info('connecting to the broker again, with new credentials');
      this.#connectIn(this.#within(this.#options.settings.backoffInitialMs));
      return;
    }
    this.#judge(end, wasReady, heldMs);
    if (end.atSubscription) {
      const { settings } = this.#options;
      this.#rescue.closedAtSubscription(keepsSession({ protocolVersion, settings }));
    }
    if (heldMs >= STABLE_MS) this.#backoff.reset();
    const delayMs = this.#delayMs(broker, protocolVersion, wasReady ? null : end);
    this.#report(broker, protocolVersion, end, delayMs);
    this.#connectIn(delayMs);
  }

  /** @param failure why the broker could not be used; null: its connection was lost */
  #delayMs(broker: KnownBroker, protocolVersion: 4 | 5, failure: ConnectionEnd | null): number {
    if (failure === null) return this.#backoff.nextMs();
    if (broker.yields(protocolVersion, failure)) return 0;
    // Only when no broker could be used, all of them are left alone for longer and longer.
    if (this.#rota.failed()) return this.#backoff.nextMs();
    return this.#within(this.#options.settings.backoffInitialMs);
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
    // The next attempt goes without what the broker lacks.
    const isRefused = end.kind === 'refused' && end.reason?.code !== 'HL_BROKER_LIMITED';
    if (isRefused || isLong) alarms.raise('mqtt', problemOf(end));
  }

  /** Logs the end; a repetition of the same failure only at debug level. */
  #report(broker: KnownBroker, protocolVersion: 4 | 5, end: ConnectionEnd, delayMs: number): void {
    const before = broker.lastFailure;
    const same = before?.kind === end.kind && (end.kind === 'lost' || before.code === end.code);
    this.#lastEnd = end;
    broker.lastFailure = end;
    const fields = {
      code: end.reason?.code ?? CODES[end.kind],
      protocolVersion,
      retryMs: Math.round(delayMs),
      reason: end.code,
      broker: this.#url,
    };
    const message = `no connection to the broker: ${end.message}`;
    const isYielded = end.kind === 'version' || end.reason?.code === 'HL_BROKER_LIMITED';
    if (isYielded && delayMs === 0) this.#options.log.info(fields, message);
    else if (same) this.#options.log.debug(fields, message);
    else this.#options.log.warn(fields, message);
  }
}

function problemOf({ kind, message, reason, code }: ConnectionEnd): HeadlandError {
  const ofKind = kind === 'silent' ? 'HL_BROKER_UNREACHABLE' : CODES[kind];
  return new HeadlandError(reason?.code ?? ofKind, `no connection to the broker: ${message}`, {
    remedy: reason?.remedy ?? 'Start the broker, or correct mqtt.url; check the network.',
    details: { reason: code ?? null },
  });
}

const LOCKED_OUT = 'the broker closed the connection at each subscription to commands';
const RESCUES: Record<Exclude<SessionStart, 'usual'>, string> = {
  fresh: `${LOCKED_OUT}: the robot gave up the session that the broker kept, and began another. Commands that waited in the old one are lost; no message of the robot is`,
  queueless: `${LOCKED_OUT}: the robot now takes commands without a queue (QoS 0), and tries one with a queue again later. Commands that waited, or that are sent while the robot is away, are lost; no message of the robot is. Queues that are mirrored on all nodes of a cluster avoid this`,
};

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
