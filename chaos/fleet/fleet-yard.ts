import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RabbitCluster } from '../../bench/support/rabbit-cluster.js';
import { addPerson } from '../../src/fleet/hub/people.js';
import { HubStore } from '../../src/fleet/hub/store/hub-store.js';
import { HubChild } from '../../test/fleet/hub-child.js';
import type { Postgres } from '../../test/fleet/postgres.js';
import type { StandInOptions } from '../../test/fleet/stand-in.js';
import { Mosquitto } from '../../test/telemetry/mosquitto.js';

export type BrokerKind = 'mosquitto' | 'mosquitto-persistent' | 'rabbitmq';

export interface YardPlan {
  replicas: number;
  broker: BrokerKind;
  /** null: SQLite. */
  postgres: Postgres | null;
  /** Name of the database on PostgreSQL. */
  database: string;
}

/** Broker, store and hubs of one round, all of them real processes, and their faults. */
export class FleetYard {
  readonly #folder = mkdtempSync(join(tmpdir(), 'headland-chaos-fleet-'));
  readonly plan: YardPlan;
  mosquitto: Mosquitto | null = null;
  #rabbit: RabbitCluster | null = null;
  /** Addresses of the nodes of the broker. */
  urls: readonly string[] = [];
  readonly hubs: HubChild[] = [];
  /** Of the test: it reads what the hubs wrote. */
  store!: HubStore;
  #api = '';
  #token = '';
  /** Largest resident memory of a hub, MiB. */
  peakMib = 0;

  private constructor(plan: YardPlan) {
    this.plan = plan;
  }

  static async open(plan: YardPlan): Promise<FleetYard> {
    const yard = new FleetYard(plan);
    try {
      await yard.#open();
      return yard;
    } catch (error) {
      await yard.stop();
      throw error;
    }
  }

  async #open(): Promise<void> {
    const { broker, postgres, database, replicas } = this.plan;
    chmodSync(this.#folder, 0o777);
    if (broker === 'rabbitmq') {
      this.#rabbit = await RabbitCluster.start(join(this.#folder, 'rabbit'));
      this.urls = this.#rabbit.urls;
    } else {
      const kept = ['persistence true', `persistence_location ${this.#folder}/`];
      const often = ['autosave_on_changes true', 'autosave_interval 1'];
      this.mosquitto = await Mosquitto.open([
        'max_queued_bytes 0',
        ...(broker === 'mosquitto' ? [] : [...kept, ...often]),
      ]);
      this.urls = [this.mosquitto.url];
    }
    const path = join(this.#folder, 'hub.sqlite');
    const url = postgres?.database(database);
    this.store = await HubStore.open(
      url === undefined ? { sqlite: path } : { postgres: url, password: null },
    );
    for (let i = 0; i < replicas; i++) {
      const hub = new HubChild(this.#settings(url ?? `sqlite:${path}`, `hub-${i}`));
      this.hubs.push(hub);
    }
    const person = await this.store.transaction((tables) =>
      addPerson(tables, 'chaos', 'operate', 'hub', Date.now()),
    );
    this.#token = person.token;
    await this.hubsUp();
  }

  #settings(store: string, replica: string): object {
    const [url, ...otherUrls] = this.urls;
    return {
      store,
      replica,
      mqtt: { url, otherUrls, ...(this.#rabbit && { protocol: '3.1.1' }) },
      http: { port: 0 },
      learning: {
        basisDirections: 'all',
        roundIntervalMs: 1_000,
        settleMs: 200,
        roundTimeoutMs: 30_000,
      },
      rollout: { stageMs: 0 },
      tickMs: 50,
      log: { format: 'json' },
    };
  }

  /** How robots reach the broker. */
  get connection(): Pick<StandInOptions, 'url' | 'protocolVersion' | 'chunkBytes'> {
    if (this.#rabbit === null) return { url: this.urls };
    // Three nodes keep each message.
    return { url: this.urls, protocolVersion: 4, chunkBytes: 3_000 };
  }

  /** Starts the hubs that are down. */
  async hubsUp(): Promise<void> {
    const down = this.hubs.filter(({ pid }) => pid === null);
    await Promise.all(
      down.map(async (hub) => {
        this.#api = await hub.up();
      }),
    );
  }

  /** As a power cut of the machine of the leader; of all, when none of them leads. */
  async killLeader(): Promise<void> {
    const leader = await this.store.leader().catch(() => null);
    const found = this.hubs.filter((_, i) => `hub-${i}` === leader);
    await this.#killHubs(found.length > 0 ? found : this.hubs);
  }

  async killHubs(): Promise<void> {
    await this.#killHubs(this.hubs);
  }

  async #killHubs(hubs: readonly HubChild[]): Promise<void> {
    this.measure();
    await Promise.all(hubs.map((hub) => hub.kill()));
  }

  /** Ends all hubs in order. @returns their exit codes */
  async endHubs(): Promise<(number | null)[]> {
    this.measure();
    return Promise.all(this.hubs.map((hub) => hub.kill('SIGTERM')));
  }

  /** Notes the memory of the hubs that run. */
  measure(): void {
    for (const { pid } of this.hubs) {
      if (pid === null) continue;
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const kib = Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1] ?? 0);
        this.peakMib = Math.max(this.peakMib, Math.round(kib / 1_024));
      } catch {
        // It has just ended.
      }
    }
  }

  async killNode(): Promise<void> {
    await this.#rabbit?.killOne();
  }

  /** @returns answer of a hub to a person who may operate it */
  async post(path: string, body: object): Promise<Record<string, unknown>> {
    const response = await fetch(new URL(path, this.#api), {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return (await response.json()) as Record<string, unknown>;
  }

  async stop(): Promise<void> {
    this.measure();
    await Promise.all(this.hubs.map((hub) => hub.stop()));
    await this.store?.close();
    await this.mosquitto?.stop();
    await this.#rabbit?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
