// A process of `bench -- fleet-scale`: many robots with the real telemetry, outbox and transport of objects.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { TelemetryService } from '../../../src/agent/reporting/telemetry-service.js';
import { NO_ALARMS } from '../../../src/base/alarms.js';
import { sha256Hex } from '../../../src/base/hash.js';
import { silentLog } from '../../../src/base/log.js';
import { validateConfig } from '../../../src/config/load.js';
import {
  type Desired,
  type DesiredTask,
  desiredSchema,
} from '../../../src/fleet/contract/desired.js';
import { fleetTopic } from '../../../src/fleet/contract/fleet-topics.js';
import { ObjectFetcher } from '../../../src/fleet/robot/objects/object-fetcher.js';
import { ObjectFolder } from '../../../src/fleet/robot/objects/object-folder.js';
import { ObjectSender } from '../../../src/fleet/robot/objects/object-sender.js';
import { decodeHead } from '../../../src/head/codec.js';
import { decodeSums } from '../../../src/head/sums/task-sums.js';
import { type Database, openDatabase } from '../../../src/storage/database.js';
import { BACKBONE, judged, ReportWriter, TASK, type Taught, taught } from './taught.js';

/** What the bench orders. */
export type ToScaleRobots =
  | { kind: 'begin'; numbers: number[]; folder: string; url: string; spreadMs: number }
  /** Every robot sends its sums again, as after a label. */
  | { kind: 'learn' };

/** Twice a second. */
export interface FromScaleRobots {
  connected: number;
  /** Robots whose newest sums the hub has. */
  accepted: number;
  /** Robots that serve a head of the fleet. */
  serving: number;
  /** Messages for the hub: reports and chunks. */
  messages: number;
  /** Sums of versions that were sent. */
  versions: number;
  faults: string[];
  residentBytes: number;
}

const TEND_MS = 500;
const REPORT_MS = 500;
const MAX_OBJECT_BYTES = 67_108_864;

class Robot {
  readonly #database: Database;
  readonly #telemetry: TelemetryService;
  readonly #taught: Taught;
  readonly #writer: ReportWriter;
  readonly #folder: ObjectFolder;
  readonly #fetcher: ObjectFetcher;
  readonly #sender: ObjectSender;
  #desired: Desired | null = null;
  #isBusy = false;
  #evaluated: { round: number; object: string } | null = null;
  #head: { version: number; object: string } | null = null;
  version = 0;
  /** Its samples have changed since it sent the sums. */
  isStale = true;
  messages = 0;

  constructor(
    readonly id: string,
    number: number,
    folder: string,
    url: string,
    spreadMs: number,
  ) {
    const stateDir = join(folder, id);
    mkdirSync(stateDir);
    const config = validateConfig({
      robot: { id },
      paths: { stateDir },
      mqtt: { url, connectSpreadMs: spreadMs },
    });
    this.#taught = taught(number);
    this.#writer = new ReportWriter(this.#taught.labels);
    this.#database = openDatabase(join(stateDir, 'headland.db'));
    this.#database.doNotBlock();
    const log = silentLog();
    this.#telemetry = new TelemetryService(config, {
      boot: 'bench',
      environment: {},
      database: this.#database,
      alarms: { ...NO_ALARMS, list: () => [] },
      log,
    });
    const link = this.#telemetry.fleetLink;
    this.#folder = new ObjectFolder(join(stateDir, 'fleet'));
    this.#fetcher = new ObjectFetcher({
      folder: this.#folder,
      maxBytes: MAX_OBJECT_BYTES,
      ask: (want) => link.sendOnce(fleetTopic(id, 'want'), Buffer.from(JSON.stringify(want))),
      log,
    });
    this.#sender = new ObjectSender(link, fleetTopic(id, 'chunk'));
    link.subscribe(fleetTopic(id, 'desired'), (payload) => {
      this.#desired = desiredSchema.parse(JSON.parse(Buffer.from(payload).toString('utf8')));
    });
    link.subscribe(fleetTopic(id, 'part'), (payload) => void this.#fetcher.receive(payload));
    link.whenReady(() => this.#fetcher.reconnected());
  }

  async start(): Promise<void> {
    this.#report();
    this.#telemetry.status('online', []);
    await this.#telemetry.start(async () => null);
  }

  get connected(): boolean {
    return this.#telemetry.connected;
  }

  get accepted(): boolean {
    const { sums_accepted: sums } = this.#desired?.tasks[0] ?? { sums_accepted: null };
    return this.version > 0 && sums?.version === this.version;
  }

  get serves(): boolean {
    return this.#head !== null;
  }

  async tend(): Promise<void> {
    this.#telemetry.tend();
    const task = this.#desired?.tasks[0];
    if (this.#isBusy || !task) return;
    this.#isBusy = true;
    try {
      await this.#follow(task);
    } finally {
      this.#isBusy = false;
    }
  }

  async #follow(task: DesiredTask): Promise<void> {
    if (task.basis !== null && this.isStale) {
      this.isStale = false;
      this.version += 1;
      this.#send('sums', this.#taught.sums);
      this.#report();
    }
    const { evaluate, head } = task;
    if (evaluate !== null && evaluate.round !== this.#evaluated?.round) {
      if (!(await this.#fetcher.need(evaluate.candidates))) return;
      const bytes = await this.#folder.read(evaluate.candidates.object);
      const answers = judged(this.#taught, evaluate.round, evaluate.candidates, bytes);
      this.#evaluated = { round: evaluate.round, object: sha256Hex(answers) };
      this.#send('evaluation', answers);
      this.#report();
    }
    if (head !== null && head.fleet_version !== this.#head?.version) {
      for (const offer of [head.head, head.prior]) {
        if (offer !== null && !(await this.#fetcher.need(offer))) return;
      }
      decodeHead(await this.#folder.read(head.head.object));
      if (head.prior !== null) decodeSums(await this.#folder.read(head.prior.object));
      this.#head = { version: head.fleet_version, object: head.head.object };
      this.#report();
      await this.#fetcher.keepOnly(new Set([head.head.object]));
    }
  }

  #send(kind: 'sums' | 'evaluation', bytes: Uint8Array): void {
    const { epoch } = this.#writer;
    this.#sender.send(bytes, {
      kind,
      task: TASK,
      backbone: BACKBONE,
      epoch,
      version: this.version,
    });
    this.messages += this.#sender.waiting(kind, TASK);
  }

  #report(): void {
    const head = this.#head;
    const payload = this.#writer.next({
      evaluated: this.#evaluated,
      head: head && {
        fleet_version: head.version,
        object: head.object,
        state: 'serving',
        local_version: 1,
        reason: null,
      },
      serving: head && { local_version: 1, fleet_version: head.version, holdout: null },
    });
    this.messages += 1;
    const { fleetLink } = this.#telemetry;
    fleetLink.publishRetained(fleetTopic(this.id, 'reported'), () => payload);
  }
}

let robots: Robot[] = [];
const faults: string[] = [];

process.on('message', (message: ToScaleRobots) => {
  if (message.kind === 'learn') for (const robot of robots) robot.isStale = true;
  else void begin(message);
});

async function begin(order: Extract<ToScaleRobots, { kind: 'begin' }>): Promise<void> {
  const { numbers, folder, url, spreadMs } = order;
  robots = numbers.map((n) => new Robot(`robot-${n}`, n, folder, url, spreadMs));
  await Promise.all(robots.map((robot) => robot.start()));
  setInterval(() => {
    for (const robot of robots) {
      robot.tend().catch((error: unknown) => faults.push(`${robot.id}: ${String(error)}`));
    }
  }, TEND_MS);
  setInterval(report, REPORT_MS);
}

function report(): void {
  const count = (holds: (robot: Robot) => boolean): number => robots.filter(holds).length;
  const sum = (of: (robot: Robot) => number): number =>
    robots.reduce((total, robot) => total + of(robot), 0);
  const answer: FromScaleRobots = {
    connected: count(({ connected }) => connected),
    accepted: count(({ accepted }) => accepted),
    serving: count(({ serves }) => serves),
    messages: sum(({ messages }) => messages),
    versions: sum(({ version }) => version),
    faults: faults.slice(0, 5),
    residentBytes: process.memoryUsage.rss(),
  };
  process.send?.(answer);
}
