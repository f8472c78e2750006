import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createRandom, type Random } from '../../src/base/random.js';
import { Mosquitto } from '../../test/telemetry/mosquitto.js';
import { type Delivered, RecordingProxy } from './recording-proxy.js';

const ROBOT = fileURLToPath(new URL('./mqtt-robot.js', import.meta.url));
const ENDLESS = 1_000_000;
/** Time for what is left, once nothing fails any more. */
const DRAIN_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const STEPS_MS = [-DAY_MS, DAY_MS, -HOUR_MS, 8 * DAY_MS, -20_000 * DAY_MS, 11_000 * DAY_MS];
const FAULTS = ['broker-kill', 'broker-freeze', 'broker-restart', 'client-kill', 'clock', 'cut'];

/**
 * `npm run -s chaos -- mqtt [--rounds N] [--seed N] [--seconds N]`: a robot sends events to a mosquitto that
 * keeps nothing, while broker, connection, robot and its clock fail in the order of a seed. A proxy between
 * them records what a broker has acknowledged: every event that the robot has stored must be among it, and
 * be one event after repetitions of (boot, seq) are left out.
 */
export async function run(options: readonly string[]): Promise<{
  rounds: number;
  events: number;
  lost: number;
  invented: number;
  repeated: number;
  duplicates_after_dedupe: number;
  faults: Record<string, number>;
  seed: number;
  seconds: number;
  complete: boolean;
  violations: string[];
}> {
  const number = (name: string, otherwise: number): number => {
    const at = options.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(options[at + 1]);
  };
  const rounds = number('rounds', 100);
  const seed = number('seed', 1);
  const seconds = number('seconds', 600);
  const startMs = performance.now();
  const random = createRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'headland-mqtt-'));
  const ledger = new Ledger();
  const broker = await Mosquitto.open();
  const proxy = await RecordingProxy.start(broker.port, (message) => ledger.delivered(message));
  const robot = new Robot(proxy.url, join(folder, 'outbox.db'), ledger);
  const faults = Object.fromEntries(FAULTS.map((name) => [name, 0]));
  let done = 0;
  try {
    await robot.start(ENDLESS);
    for (; done < rounds && performance.now() - startMs < seconds * 1_000; done++) {
      await wait(50 + random.int(250));
      const fault = FAULTS[random.int(FAULTS.length)] ?? 'cut';
      faults[fault] = (faults[fault] ?? 0) + 1;
      await suffer(fault, { broker, proxy, robot, random });
    }
    await robot.kill();
    await robot.start(0);
    const untilMs = performance.now() + DRAIN_MS;
    while (ledger.missing().length > 0 && performance.now() < untilMs) await wait(50);
  } finally {
    await robot.kill();
    await proxy.stop();
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const lost = ledger.missing();
  const { invented, repeated, doubled } = ledger;
  return {
    rounds: done,
    events: ledger.stored.size,
    lost: lost.length,
    invented: invented.length,
    repeated,
    duplicates_after_dedupe: doubled.length,
    faults,
    seed,
    seconds: Math.round((performance.now() - startMs) / 1_000),
    complete: done === rounds,
    violations: [
      ...lost.slice(0, 10).map((index) => `event ${index} was stored and never delivered`),
      ...invented.slice(0, 10).map((index) => `event ${index} was delivered and never begun`),
      ...doubled.slice(0, 10),
      ...(ledger.stored.size === 0 ? ['no event was stored'] : []),
    ],
  };
}

interface World {
  broker: Mosquitto;
  proxy: RecordingProxy;
  robot: Robot;
  random: Random;
}

async function suffer(fault: string, { broker, proxy, robot, random }: World): Promise<void> {
  switch (fault) {
    case 'broker-kill':
      await broker.kill();
      await wait(random.int(300));
      return broker.up();
    case 'broker-restart':
      await broker.kill();
      return broker.up();
    case 'broker-freeze':
      broker.freeze();
      await wait(random.int(400));
      return broker.thaw();
    case 'client-kill':
      await robot.kill();
      return robot.start(ENDLESS);
    case 'clock':
      return robot.stepClock(STEPS_MS[random.int(STEPS_MS.length)] ?? DAY_MS);
    default:
      return proxy.cut();
  }
}

/** What the robot has said, and what a broker has acknowledged. */
class Ledger {
  readonly begun = new Set<number>();
  readonly stored = new Set<number>();
  readonly invented: number[] = [];
  readonly doubled: string[] = [];
  repeated = 0;
  /** Event by (boot, seq), and the other way round. */
  readonly #events = new Map<string, number>();
  readonly #keys = new Map<number, string>();

  said(line: string): void {
    const [word, index = ''] = line.split(' ');
    if (word === 'begin') this.begun.add(Number(index));
    if (word === 'done') this.stored.add(Number(index));
  }

  delivered({ topic, payload }: Delivered): void {
    if (!topic.endsWith('/event')) return;
    const { boot, seq, details } = JSON.parse(payload.toString()) as {
      boot: string;
      seq: number;
      details: { index: number };
    };
    const key = `${boot} ${seq}`;
    const { index } = details;
    const known = this.#events.get(key);
    const other = this.#keys.get(index);
    if (known === index) this.repeated += 1;
    else if (known !== undefined) this.doubled.push(`${key} is event ${known} and event ${index}`);
    else if (other !== undefined) this.doubled.push(`event ${index} is ${other} and ${key}`);
    this.#events.set(key, index);
    this.#keys.set(index, key);
    if (!this.begun.has(index)) this.invented.push(index);
  }

  missing(): number[] {
    return [...this.stored].filter((index) => !this.#keys.has(index));
  }
}

/** One robot after the other, on one database. */
class Robot {
  #process: ChildProcess | null = null;
  #said: Promise<unknown> = Promise.resolve();
  #boots = 0;
  #next = 0;

  constructor(
    private readonly url: string,
    private readonly path: string,
    private readonly ledger: Ledger,
  ) {}

  /** Resolves when it works. */
  async start(events: number): Promise<void> {
    this.#boots += 1;
    const given = [this.url, this.path, `boot-${this.#boots}`, String(this.#next), String(events)];
    const child = spawn(process.execPath, [ROBOT, ...given], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // A line may be on its way to a robot that is killed.
    child.stdin.on('error', () => {});
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      this.ledger.said(line);
      if (line.startsWith('begin ')) this.#next = Number(line.slice(6)) + 1;
    });
    this.#said = new Promise((resolve) => lines.once('close', resolve));
    this.#process = child;
    await new Promise<void>((resolve) => {
      lines.once('line', () => resolve());
      lines.once('close', resolve);
    });
  }

  stepClock(byMs: number): void {
    this.#process?.stdin?.write(`clock ${byMs}\n`);
  }

  /** Resolves when all that it said has been read. */
  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#said;
    this.#process = null;
  }
}
