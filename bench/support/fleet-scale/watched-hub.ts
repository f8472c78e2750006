import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type {
  HubCommandPath,
  HubCommands,
  TaskDetail,
} from '../../../src/fleet/contract/hub-api.js';
import { addPerson } from '../../../src/fleet/hub/people.js';
import { HubStore } from '../../../src/fleet/hub/store/hub-store.js';
import { type Database, openDatabase } from '../../../src/storage/database.js';
import { HubChild } from '../../../test/fleet/hub-child.js';
import { type ProcessLoad, processLoad } from '../process-load.js';
import { BACKBONE, COMMON, TASK } from './taught.js';

const LOOK_MS = 250;
const POLL_MS = 50;
const PATIENCE_MS = 900_000;
const HUGE_MS = 604_800_000;

/** Where the hub of a bench keeps what it knows. */
export type Place = { kind: 'sqlite'; folder: string } | { kind: 'postgresql'; url: string };

/** Rounds and stages begin by command only. */
export const BY_COMMAND = {
  learning: { basisDirections: 'all', roundIntervalMs: HUGE_MS, settleMs: 3_600_000 },
  rollout: { stageMs: HUGE_MS },
};

/** Begin, end and cost of something that a hub did. */
export interface Cost {
  seconds: number;
  /** Processor time of the hub, all threads. */
  hubCpuSeconds: number;
}

/** A real hub in a process of its own, its load and its store. */
export class WatchedHub {
  readonly #child: HubChild;
  readonly #reader: Reader;
  readonly #looking: NodeJS.Timeout;
  #peakMib = 0;
  /** Resident memory, one value in ten seconds, MiB. */
  readonly rssMib: number[] = [];

  private constructor(
    child: HubChild,
    private readonly url: string,
    private readonly token: string,
    reader: Reader,
  ) {
    this.#child = child;
    this.#reader = reader;
    let looks = 0;
    this.#looking = setInterval(() => {
      const rss = this.load()?.rssMib;
      if (rss === undefined) return;
      this.#peakMib = Math.max(this.#peakMib, rss);
      if (looks++ % (10_000 / LOOK_MS) === 0) this.rssMib.push(Math.round(rss));
    }, LOOK_MS);
  }

  /** @param settings of its configuration, beside the store, the broker and the port */
  static async start(place: Place, broker: string, settings: object): Promise<WatchedHub> {
    const store =
      place.kind === 'sqlite' ? `sqlite:${join(place.folder, 'hub.sqlite')}` : place.url;
    const child = new HubChild({
      store,
      replica: 'bench',
      mqtt: { url: broker },
      http: { port: 0 },
      ...settings,
    });
    const url = await child.up();
    const at =
      place.kind === 'sqlite'
        ? { sqlite: join(place.folder, 'hub.sqlite') }
        : { postgres: place.url, password: null };
    const opened = await HubStore.open(at);
    const { token } = await opened.transaction((tables) =>
      addPerson(tables, 'bench', 'operate', 'hub', Date.now()),
    );
    await opened.close();
    return new WatchedHub(child, url, token, await readerOf(place));
  }

  load(): ProcessLoad | null {
    const { pid } = this.#child;
    return pid === null ? null : processLoad(pid);
  }

  /** Most resident memory since the last call, MiB. */
  takePeakMib(): number {
    const peak = this.#peakMib;
    this.#peakMib = 0;
    return Math.round(peak);
  }

  /** Robots whose sums are merged. */
  merged(): Promise<number> {
    return this.#reader.merged();
  }

  /** Bytes of the database with its logs. */
  databaseBytes(): Promise<number> {
    return this.#reader.bytes();
  }

  async post<Path extends HubCommandPath>(path: Path, body: HubCommands[Path]): Promise<void> {
    const response = await fetch(new URL(path, this.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.status !== 200) throw new Error(`${path}: ${await response.text()}`);
  }

  async task(): Promise<TaskDetail> {
    const response = await fetch(new URL(`/api/tasks/${TASK}/${BACKBONE}`, this.url), {
      headers: { authorization: `Bearer ${this.token}` },
    });
    if (response.status !== 200) throw new Error(await response.text());
    return (await response.json()) as TaskDetail;
  }

  /** Seconds of an answer to a page. */
  async readSeconds(path: string): Promise<number> {
    const startMs = performance.now();
    const response = await fetch(new URL(path, this.url), {
      headers: { authorization: `Bearer ${this.token}` },
    });
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
    return (performance.now() - startMs) / 1_000;
  }

  /** Does something and waits until it has had its effect. */
  async cost(what: string, begin: () => unknown, holds: () => boolean | Promise<boolean>) {
    const before = this.load()?.cpuSeconds ?? 0;
    const startMs = performance.now();
    await begin();
    while (!(await holds())) {
      if (performance.now() - startMs > PATIENCE_MS) throw new Error(`too long: ${what}`);
      if (this.load() === null) throw new Error(`the hub has ended: ${this.#child.log}`);
      await sleep(POLL_MS);
    }
    const seconds = (performance.now() - startMs) / 1_000;
    return { seconds, hubCpuSeconds: (this.load()?.cpuSeconds ?? 0) - before } satisfies Cost;
  }

  /** Share of a core that the hub takes while nothing happens, percent. */
  async idlePercent(seconds: number): Promise<number> {
    const before = this.load()?.cpuSeconds ?? 0;
    await sleep(seconds * 1_000);
    return (100 * ((this.load()?.cpuSeconds ?? 0) - before)) / seconds;
  }

  get log(): string {
    return this.#child.log;
  }

  async stop(): Promise<void> {
    clearInterval(this.#looking);
    await this.#reader.close();
    await this.#child.stop();
  }
}

interface Reader {
  merged(): Promise<number>;
  bytes(): Promise<number>;
  close(): Promise<void>;
}

/** Reads beside the hub, without its locks. */
async function readerOf(place: Place): Promise<Reader> {
  const text = `SELECT robots FROM merged WHERE label = '${COMMON}'`;
  if (place.kind === 'postgresql') {
    const client = new pg.Client(place.url);
    await client.connect();
    const number = async (query: string): Promise<number> =>
      Number(Object.values((await client.query(query)).rows[0] ?? { none: 0 })[0]);
    return {
      merged: () => number(text),
      bytes: () => number('SELECT pg_database_size(current_database())'),
      close: () => client.end(),
    };
  }
  const path = join(place.folder, 'hub.sqlite');
  const database: Database = openDatabase(path);
  return {
    merged: async () => database.prepare<{ robots: number }>(text).get()?.robots ?? 0,
    bytes: async () => sizeOf(path) + sizeOf(`${path}-wal`),
    close: async () => database.close(),
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Removes the files of a hub. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** One-minute load of the machine. */
export function machineLoad(): number {
  return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
}
