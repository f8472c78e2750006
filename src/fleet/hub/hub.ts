import { Alarms } from '../../base/alarms.js';
import { isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { Scheduler } from '../../base/timers/scheduler.js';
import type { FleetTopic } from '../contract/fleet-topics.js';
import { HubTally } from './hub-tally.js';
import { ChunkIntake } from './ingest/chunk-intake.js';
import { HubLink } from './ingest/hub-link.js';
import { PartSender } from './ingest/part-sender.js';
import { ReportIntake } from './ingest/report-intake.js';
import { Leader } from './lead/leader.js';
import { Leadership } from './lead/leadership.js';
import { Publisher } from './lead/publisher.js';
import { RoundThread } from './round/round-thread.js';
import { HubServer } from './server/hub-server.js';
import type { HubConfig } from './settings/hub-schema.js';
import type { HubStore } from './store/hub-store.js';

/** How often a hub takes the seat of the leader, or stays on it. */
const SEAT_MS = 1_000;

/** What the hub reads from files beside its configuration. */
export interface HubSecrets {
  mqttPassword: string | null;
  mqttCa: Buffer | null;
  mqttCert: Buffer | null;
  mqttKey: Buffer | null;
  httpCert: Buffer | null;
  httpKey: Buffer | null;
}

export interface HubOptions {
  config: HubConfig;
  secrets: HubSecrets;
  store: HubStore;
  /** Name of this hub among others of the fleet. */
  replica: string;
  /** Of headland. */
  version: string;
  log: Log;
}

/**
 * One hub of a fleet. Several may work side by side on one store: each takes what robots send, and one leads.
 */
export class Hub {
  readonly #options: HubOptions;
  readonly #alarms: Alarms;
  readonly #scheduler: Scheduler;
  readonly #tally = new HubTally();
  readonly #thread = new RoundThread();
  readonly #link: HubLink;
  readonly #leadership: Leadership;
  readonly #leader: Leader;
  readonly #server: HubServer;
  readonly #reports: ReportIntake;
  readonly #chunks: ChunkIntake;
  readonly #parts: PartSender;

  constructor(options: HubOptions) {
    const { config, store, replica, log } = options;
    this.#options = options;
    this.#alarms = new Alarms({
      onRaised: ({ name, error }) => log.warn({ alarm: name, code: error.code }, error.message),
      onCleared: ({ name }) => log.info({ alarm: name }, 'alarm cleared'),
    });
    this.#scheduler = new Scheduler({ alarms: this.#alarms, log });
    this.#reports = new ReportIntake(store, config.limits);
    this.#chunks = new ChunkIntake(store, config.limits, {
      automatic: config.quarantine.automatic,
      onRefused: (code) => this.#tally.refused(code),
    });
    this.#link = this.#createLink();
    this.#parts = new PartSender(store, (topic, payload) =>
      this.#link.publish(topic, payload, false),
    );
    const publisher = new Publisher(this.#link);
    // A new leader, and a broker that has lost its retained messages, know nothing of what was published.
    const publishAll = (): void => {
      publisher.forget();
      store
        .transaction(({ robots }) => robots.touch(null))
        .catch((error: unknown) => {
          log.warn({ err: error }, 'cannot publish all desired states again');
        });
    };
    this.#publishAll = publishAll;
    this.#leadership = new Leadership(store.seat(), replica, log, publishAll);
    const { alarms } = this;
    const tally = this.#tally;
    const context = { store, thread: this.#thread, config, alarms, log, tally };
    this.#leader = new Leader(context, this.#leadership, publisher);
    this.#server = new HubServer({
      config,
      store,
      replica,
      version: options.version,
      cert: options.secrets.httpCert,
      key: options.secrets.httpKey,
      link: this.#link,
      alarms: this.#alarms,
      leads: () => this.#leadership.term !== null,
      tally,
      log,
    });
  }

  readonly #publishAll: () => void;

  get alarms(): Alarms {
    return this.#alarms;
  }

  get leads(): boolean {
    return this.#leadership.term !== null;
  }

  /**
   * Opens the API, and begins to work; the broker may come later.
   * @returns address of the page
   * @throws HeadlandError HL_FLEET_LISTEN_FAILED, HL_FLEET_CERTIFICATE
   */
  async start(): Promise<{ url: string }> {
    const { url } = await this.#server.start();
    this.#link.start();
    await this.#renew();
    this.#scheduler.every({
      name: 'leader-seat',
      what: 'renew the seat of the leader',
      intervalMs: SEAT_MS,
      run: () => this.#renew(),
      keepsAlive: true,
    });
    this.#scheduler.every({
      name: 'leader-work',
      what: 'work as the leader of the fleet',
      intervalMs: this.#options.config.tickMs,
      run: () => this.#leader.work(),
      vital: true,
    });
    return { url };
  }

  /** Work that has not ended for long; empty: all is well. */
  stuck(): string[] {
    return this.#scheduler.stuck();
  }

  /** Ends in order; what is not stored, the broker sends again. */
  async stop(): Promise<void> {
    await this.#server.stop();
    await this.#link.stop();
    await this.#scheduler.stop();
    await this.#leadership.leave();
    await this.#thread.close();
    await this.#options.store.close();
  }

  async #renew(): Promise<void> {
    try {
      await this.#leadership.renew();
      this.#alarms.clear('fleet-store');
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      this.#alarms.raise('fleet-store', error, 'critical');
    }
  }

  #take(robot: string, topic: FleetTopic, payload: Uint8Array): Promise<void> {
    if (topic === 'reported') return this.#reports.take(robot, payload);
    if (topic === 'chunk') return this.#chunks.take(robot, payload);
    if (topic === 'want') return this.#parts.take(robot, payload);
    return Promise.resolve();
  }

  #createLink(): HubLink {
    const { config, secrets, replica, log } = this.#options;
    const { mqtt } = config;
    return new HubLink({
      urls: [mqtt.url, ...mqtt.otherUrls],
      protocol: mqtt.protocol,
      clientId: mqtt.clientId ?? `headland-hub-${replica}`,
      username: mqtt.username,
      password: secrets.mqttPassword,
      ca: secrets.mqttCa,
      cert: secrets.mqttCert,
      key: secrets.mqttKey,
      keepaliveSeconds: mqtt.keepaliveSeconds,
      sessionExpirySeconds: mqtt.sessionExpirySeconds,
      sharedSubscription: mqtt.sharedSubscription,
      take: (robot, topic, payload) => this.#take(robot, topic, payload),
      onReady: () => this.#publishAll(),
      alarms: this.#alarms,
      log,
    });
  }
}
