// A process of `bench -- fleet`: many robots with the real telemetry and outbox, and no camera.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { TelemetryService } from '../../src/agent/reporting/telemetry-service.js';
import { NO_ALARMS } from '../../src/base/alarms.js';
import { silentLog } from '../../src/base/log.js';
import { validateConfig } from '../../src/config/load.js';
import { type Database, openDatabase } from '../../src/storage/database.js';

/** What the bench orders. */
export type ToRobots =
  | {
      kind: 'begin';
      robots: string[];
      folder: string;
      urls: string[];
      intervalMs: number;
      spreadMs: number;
    }
  | { kind: 'finish' };

/** Once a second, and at the end. */
export interface FromRobots {
  sent: number;
  connected: number;
  /** Connections that were made since the last report. */
  connects: number;
  /** Messages that no broker has acknowledged. */
  waiting: number;
  residentBytes: number;
}

const POLL_MS = 50;
const REPORT_MS = 1_000;

class Robot {
  sent = 0;
  isConnected = false;
  readonly #database: Database;
  readonly #telemetry: TelemetryService;

  constructor(
    readonly id: string,
    folder: string,
    [url = '', ...otherUrls]: readonly string[],
    spreadMs: number,
  ) {
    const stateDir = join(folder, id);
    mkdirSync(stateDir);
    const config = validateConfig({
      robot: { id },
      paths: { stateDir },
      mqtt: { url, otherUrls, spreadBrokers: true, connectSpreadMs: spreadMs },
    });
    this.#database = openDatabase(join(stateDir, 'headland.db'));
    this.#database.doNotBlock();
    this.#telemetry = new TelemetryService(config, {
      boot: 'bench',
      environment: {},
      database: this.#database,
      alarms: { ...NO_ALARMS, list: () => [] },
      log: silentLog(),
    });
  }

  async start(): Promise<void> {
    this.#telemetry.status('online', []);
    await this.#telemetry.start(async () => null);
  }

  /** One message that must arrive. */
  send(): void {
    this.sent += 1;
    const about = { kind: 'failure', severity: 'info', message: 'a message of the bench' } as const;
    this.#telemetry.event({ ...about, details: { n: this.sent } });
  }

  /** @returns whether a connection was made since the last look */
  look(): boolean {
    const before = this.isConnected;
    this.isConnected = this.#telemetry.connected;
    this.#telemetry.tend();
    return this.isConnected && !before;
  }

  get waiting(): number {
    return this.#telemetry.waitingMessages;
  }

  async stop(): Promise<void> {
    await this.#telemetry.stop();
    await this.#database.idle();
    this.#database.close();
  }
}

let robots: Robot[] = [];
let connects = 0;
let sending: NodeJS.Timeout | undefined;

process.on('message', (message: ToRobots) => {
  if (message.kind === 'finish') clearInterval(sending);
  else void begin(message);
});

async function begin({
  robots: ids,
  folder,
  urls,
  intervalMs,
  spreadMs,
}: Extract<ToRobots, { kind: 'begin' }>) {
  robots = ids.map((id) => new Robot(id, folder, urls, spreadMs));
  await Promise.all(robots.map((robot) => robot.start()));
  let next = 0;
  sending = setInterval(() => {
    robots[next++ % robots.length]?.send();
  }, intervalMs / robots.length);
  setInterval(() => {
    for (const robot of robots) if (robot.look()) connects += 1;
  }, POLL_MS);
  setInterval(report, REPORT_MS);
}

function report(): void {
  const answer: FromRobots = {
    sent: robots.reduce((sum, robot) => sum + robot.sent, 0),
    connected: robots.filter((robot) => robot.isConnected).length,
    connects,
    waiting: robots.reduce((sum, robot) => sum + robot.waiting, 0),
    residentBytes: process.memoryUsage.rss(),
  };
  connects = 0;
  process.send?.(answer);
}
