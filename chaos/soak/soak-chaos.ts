import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readText } from '../../src/host/read-text.js';
import { type Daemon, Person, Rig } from '../../test/agent/daemon.js';
import { Mosquitto } from '../../test/telemetry/mosquitto.js';

const FAST_DAYS = new URL('fast-days.js', import.meta.url).href;
const LABELS_PER_DAY = 12;
/** Caches fill and the compiler settles before. */
const SETTLED_AFTER_DAYS = 5;
const MAX_BYTES_PER_DAY = 1_000_000;
const MAX_MORE_DESCRIPTORS = 8;
const PICTURE_STORE_BYTES = 1_000_000;
/** The store itself, with features, history and messages. */
const DATABASE_BYTES = 40_000_000;
const WARNING = 40;
const ERROR = 50;
/** What happens to the robot, and what it therefore says. */
const EXPLAINED = ['HL_BOARD_HOT', 'HL_BROKER_LOST', 'HL_BROKER_UNREACHABLE'];

export interface SoakOutcome extends Record<string, unknown> {
  days: number;
  labels: number;
  trainings: number;
  outages: number;
  frames: number;
  bytesPerDay: number;
  descriptors: number;
  databaseBytes: number;
  violations: string[];
}

/**
 * Days of a robot's life in minutes: `chaos -- soak [--days 30] [--day-ms 60000]`. A real daemon with an
 * accelerated wall clock gets frames, labels, trainings, rollbacks, outages of its broker and heat. Memory
 * grows by less than 1 MB a day, descriptors and the database stay bounded, no error is unexplained, and
 * every acknowledged label is there at the end.
 */
export async function run(args: readonly string[] = []): Promise<SoakOutcome> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      days: { type: 'string', default: '30' },
      'day-ms': { type: 'string', default: '60000' },
    },
  });
  const ends: (() => unknown)[] = [];
  try {
    const t = { after: (end: () => unknown) => void ends.push(end) };
    const soak = await Soak.begin(t as never, Number(values.days), Number(values['day-ms']));
    return await soak.live();
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

class Soak {
  readonly #violations: string[] = [];
  /** Samples with an acknowledged label. */
  readonly #labelled = new Set<string>();
  /** Of each day's end. */
  readonly #residentBytes: number[] = [];
  readonly #descriptors: number[] = [];
  #outages = 0;

  private constructor(
    private readonly rig: Rig,
    private readonly daemon: Daemon,
    private readonly broker: Mosquitto,
    private readonly person: Person,
    private readonly t: Parameters<typeof Rig.create>[0],
    private readonly days: number,
    private readonly dayMs: number,
  ) {}

  static async begin(
    t: Parameters<typeof Mosquitto.start>[0],
    days: number,
    dayMs: number,
  ): Promise<Soak> {
    const broker = await Mosquitto.start(t);
    const rig = await Rig.create(t);
    for (const label of ['crop', 'weed', 'stone']) {
      for (let index = 24; index < 24 + days * LABELS_PER_DAY; index++)
        await rig.draw(label, index);
    }
    rig.configure({
      mqtt: {
        url: broker.url,
        backoffInitialMs: 100,
        backoffMaxMs: 2_000,
        metricsIntervalMs: 5_000,
      },
      cameras: [
        { name: 'front', driver: 'replay', path: rig.photosDir, intervalMs: 100, shuffleSeed: 1 },
      ],
      board: { checkIntervalMs: 1_000 },
      samples: {
        askIntervalMs: 5_000,
        maxPictureStoreBytes: PICTURE_STORE_BYTES,
        minPicturesPerClass: 4,
        trashDays: 2,
      },
      training: { everyNewLabels: 10, minLabels: 12 },
    });
    const env = {
      HEADLAND_SOAK_START: String(Date.now()),
      HEADLAND_SOAK_DAY_MS: String(dayMs),
      NODE_OPTIONS: `--import=${FAST_DAYS}`,
    };
    const daemon = await rig.start({ env });
    const person = await Person.connect(t, broker.url);
    return new Soak(rig, daemon, broker, person, t, days, dayMs);
  }

  async live(): Promise<SoakOutcome> {
    for (let day = 0; day < this.days; day++) {
      const end = sleep(this.dayMs);
      await this.#morning(day);
      if (day % 2 === 1) await this.#outage();
      await end;
      this.#measure();
      process.stderr.write(`day ${day + 1}: ${Math.round(this.#residentBytes.at(-1)! / 1e6)} MB\n`);
      this.person.forget();
    }
    return this.#conclude();
  }

  /** A person teaches; now and then the head goes back, or the robot pauses. */
  async #morning(day: number): Promise<void> {
    const labelled = await this.person.labelFrames(this.rig, LABELS_PER_DAY);
    for (const id of labelled) this.#labelled.add(id);
    if (day % 4 === 3) await this.person.command('rollback');
    if (day % 5 === 4) {
      await this.person.command('pause', { what: 'inference' });
      await this.person.command('resume', { what: 'inference' });
    }
  }

  async #outage(): Promise<void> {
    this.#outages++;
    await this.broker.kill();
    await sleep(this.dayMs / 6);
    await this.broker.up();
    await this.person.until(
      ({ topic, body }) => topic === 'headland/r1/status' && body.state === 'online',
    );
  }

  #measure(): void {
    const { pid } = this.daemon.process;
    const resident = /VmRSS:\s+(\d+) kB/.exec(readText(`/proc/${pid}/status`) ?? '');
    this.#residentBytes.push(Number(resident?.[1] ?? 0) * 1_024);
    this.#descriptors.push(readdirSync(`/proc/${pid}/fd`).length);
    if (!this.daemon.alive) this.#violations.push('the daemon has ended');
  }

  async #conclude(): Promise<SoakOutcome> {
    const metrics = await this.person.until(({ topic }) => topic === 'headland/r1/metrics');
    const { code } = await this.daemon.stop();
    if (code !== 0) this.#violations.push(`the daemon ended with ${code}`);
    const databaseBytes = statSync(join(this.rig.stateDir, 'headland.db')).size;
    if (databaseBytes > DATABASE_BYTES) {
      this.#violations.push(`the database has ${databaseBytes} bytes`);
    }
    const store = this.rig.openSamples(this.t);
    for (const id of this.#labelled) {
      if (store.labelHistory(id).length === 0) this.#violations.push(`the label of ${id} is lost`);
    }
    const bytesPerDay = Math.round(slope(this.#residentBytes.slice(SETTLED_AFTER_DAYS)));
    if (bytesPerDay > MAX_BYTES_PER_DAY) {
      this.#violations.push(`memory grows by ${bytesPerDay} bytes a day`);
    }
    // Those of the first day: the camera, the broker and the page are open by then.
    const more = (this.#descriptors.at(-1) ?? 0) - (this.#descriptors[0] ?? 0);
    if (more > MAX_MORE_DESCRIPTORS) this.#violations.push(`${more} more files are open`);
    this.#explainLog();
    return {
      days: this.days,
      labels: this.#labelled.size,
      trainings: this.daemon.lines.filter(({ msg }) => /training (ended|finished)/.test(`${msg}`))
        .length,
      outages: this.#outages,
      frames: Number(metrics.body.frames_total),
      bytesPerDay,
      descriptors: this.#descriptors.at(-1) ?? 0,
      databaseBytes,
      violations: this.#violations,
    };
  }

  #explainLog(): void {
    const unexplained = new Set(
      this.daemon.lines
        .filter(({ level }) => Number(level) >= WARNING)
        .filter(({ level, code }) => Number(level) >= ERROR || !EXPLAINED.includes(`${code}`))
        .map(({ level, msg, code }) => `level ${level} ${code ?? ''} ${msg}`),
    );
    for (const line of unexplained) this.#violations.push(`unexplained: ${line}`);
  }
}

/** Least-squares change from one value to the next; 0 for fewer than four values. */
function slope(values: readonly number[]): number {
  if (values.length < 4) return 0;
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let covariance = 0;
  let variance = 0;
  values.forEach((value, i) => {
    covariance += (i - middle) * (value - mean);
    variance += (i - middle) ** 2;
  });
  return covariance / variance;
}
