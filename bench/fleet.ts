import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connectAsync, type MqttClient } from 'mqtt';
import { Mosquitto } from '../test/telemetry/mosquitto.js';
import type { FromRobots, ToRobots } from './support/fleet-robots.js';
import { RabbitCluster, withoutRabbit } from './support/rabbit-cluster.js';

const ROBOTS = fileURLToPath(new URL('./support/fleet-robots.js', import.meta.url));
/** How long mosquitto is away. */
const AWAY_MS = 5_000;
/** All robots must be back in that time; longer, the bench gives up. */
const PATIENCE_MS = 180_000;
/** After the last acknowledgement: what the broker still has for the one who listens. */
const QUIET_MS = 3_000;

interface Yard {
  urls: string[];
  /** What befalls the brokers. */
  fault(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Many robots with the real telemetry and durable outbox, each with a message every `--interval-ms`, against
 * one mosquitto, which is restarted, and against three nodes of RabbitMQ, of which one is killed. Options:
 * `--robots 1000`, `--processes 4`, `--seconds 30` before and after the fault, `--interval-ms 2000`,
 * `--spread-ms 5000` (`mqtt.connectSpreadMs`), `--only mosquitto|rabbitmq`, `--not-mirrored` (the queues of
 * RabbitMQ, so that the killed node takes those of its robots with it). Raise the limit of open files first: `ulimit -n 16384`.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: options,
    options: {
      robots: { type: 'string', default: '1000' },
      processes: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '30' },
      'interval-ms': { type: 'string', default: '2000' },
      'spread-ms': { type: 'string', default: '5000' },
      'not-mirrored': { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
    },
  });
  const plan = {
    robots: Number(values.robots),
    processes: Number(values.processes),
    seconds: Number(values.seconds),
    intervalMs: Number(values['interval-ms']),
    spreadMs: Number(values['spread-ms']),
  };
  const figures: Record<string, unknown> = { ...plan };
  const isMirrored = !values['not-mirrored'];
  const yards = {
    mosquitto: oneMosquitto,
    rabbitmq: (folder: string) => threeRabbits(folder, isMirrored),
  };
  for (const [name, open] of Object.entries(yards)) {
    if (!name.includes(values.only)) continue;
    if (name === 'rabbitmq' && withoutRabbit !== null) {
      figures[name] = withoutRabbit;
      continue;
    }
    const folder = mkdtempSync(
      join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'headland-fleet-'),
    );
    try {
      const yard = await open(folder);
      try {
        figures[name] = await new Fleet(folder, yard, plan).live();
        process.stderr.write(`${name}: ${JSON.stringify(figures[name])}\n`);
      } finally {
        await yard.stop();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return figures;
}

async function oneMosquitto(folder: string): Promise<Yard> {
  const broker = await Mosquitto.open([
    // Else it becomes a user who may not write there.
    'user root',
    'persistence true',
    `persistence_location ${folder}/`,
    'max_inflight_messages 0',
  ]);
  return {
    urls: [broker.url],
    fault: async () => {
      // As an update of the machine does; it writes what it has.
      await broker.kill('SIGTERM');
      await sleep(AWAY_MS);
      await broker.up();
    },
    stop: () => broker.stop(),
  };
}

async function threeRabbits(folder: string, isMirrored: boolean): Promise<Yard> {
  const cluster = await RabbitCluster.start(folder, isMirrored);
  return {
    urls: cluster.urls,
    fault: () => cluster.killOne(),
    stop: () => cluster.stop(),
  };
}

interface Plan {
  robots: number;
  processes: number;
  seconds: number;
  intervalMs: number;
  spreadMs: number;
}

class Fleet {
  readonly #children: ChildProcess[] = [];
  readonly #last = new Map<ChildProcess, FromRobots>();
  /** Connections made in each second, over all processes. */
  readonly #connects = new Map<number, number>();
  /** Numbers of the messages that came, by robot. */
  readonly #came = new Map<string, Set<number>>();
  #repeated = 0;
  #lastMs = 0;

  constructor(
    private readonly folder: string,
    private readonly yard: Yard,
    private readonly plan: Plan,
  ) {}

  async live(): Promise<Record<string, unknown>> {
    const { robots, processes, seconds, intervalMs, spreadMs } = this.plan;
    const listener = await this.#listen();
    try {
      const ids = Array.from({ length: robots }, (_, n) => `robot-${n}`);
      for (let n = 0; n < processes; n++) {
        const own = ids.filter((_, index) => index % processes === n);
        this.#start({
          kind: 'begin',
          robots: own,
          folder: this.folder,
          urls: this.yard.urls,
          intervalMs,
          spreadMs,
        });
      }
      const firstMs = await this.#allConnected();
      await sleep(seconds * 1_000);
      const firstPeak = this.#mostConnects();
      const faultMs = performance.now();
      await this.yard.fault();
      const overMs = performance.now();
      // Those whose broker has gone must have noticed.
      await sleep(2_000);
      await this.#allConnected();
      const backMs = performance.now() - overMs;
      const faultPeak = this.#mostConnects();
      await sleep(seconds * 1_000);
      for (const child of this.#children) child.send({ kind: 'finish' } satisfies ToRobots);
      const drainMs = await this.#drained();
      return {
        all_connected_s: round(firstMs / 1_000),
        connects_per_s_max_at_start: firstPeak,
        fault_s: round((overMs - faultMs) / 1_000),
        all_back_s: round(backMs / 1_000),
        connects_per_s_max: faultPeak,
        sent: this.#sum('sent'),
        lost: this.#sum('sent') - this.#arrived(),
        repeated: this.#repeated,
        drained_s: round(drainMs / 1_000),
        robots_mb: Math.round(this.#sum('residentBytes') / 1e6),
      };
    } finally {
      for (const child of this.#children) {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      }
      await listener.endAsync(true);
    }
  }

  #start(order: ToRobots): void {
    const child = fork(ROBOTS, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    child.on('message', (report: FromRobots) => {
      this.#last.set(child, report);
      const second = Math.floor(performance.now() / 1_000);
      this.#connects.set(second, (this.#connects.get(second) ?? 0) + report.connects);
    });
    child.send(order);
    this.#children.push(child);
  }

  /** Most connections in one second since the last call. */
  #mostConnects(): number {
    const most = Math.max(0, ...this.#connects.values());
    this.#connects.clear();
    return most;
  }

  /** With a session that the broker keeps. */
  async #listen(): Promise<MqttClient> {
    const client = await connectAsync(this.yard.urls[0]!, {
      clientId: 'fleet-listener',
      clean: false,
      reconnectPeriod: 200,
      protocolVersion: 4,
    });
    client.on('message', (topic, payload) => {
      const robot = topic.split('/')[1] ?? '';
      const { details } = JSON.parse(payload.toString('utf8')) as { details?: { n?: number } };
      if (details?.n === undefined) return;
      this.#lastMs = performance.now();
      const came = this.#came.get(robot) ?? new Set();
      this.#came.set(robot, came);
      if (came.has(details.n)) this.#repeated += 1;
      came.add(details.n);
    });
    await client.subscribeAsync('headland/+/event', { qos: 1 });
    return client;
  }

  async #allConnected(): Promise<number> {
    const startMs = performance.now();
    while (this.#sum('connected') < this.plan.robots) {
      if (performance.now() - startMs > PATIENCE_MS) break;
      await sleep(100);
    }
    return performance.now() - startMs;
  }

  /** Every robot has got rid of its messages, and the listener has them. */
  async #drained(): Promise<number> {
    const startMs = performance.now();
    await sleep(2_000);
    while (performance.now() - startMs < PATIENCE_MS) {
      const isQuiet = performance.now() - this.#lastMs > QUIET_MS;
      if (this.#sum('waiting') === 0 && isQuiet) break;
      await sleep(200);
    }
    return performance.now() - startMs;
  }

  #arrived(): number {
    return [...this.#came.values()].reduce((sum, { size }) => sum + size, 0);
  }

  #sum(what: keyof FromRobots): number {
    return [...this.#last.values()].reduce((sum, report) => sum + report[what], 0);
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
