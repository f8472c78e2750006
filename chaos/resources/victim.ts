import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, Person, Rig } from '../../test/agent/daemon.js';
import { Mosquitto } from '../../test/telemetry/mosquitto.js';

/** How long things may take that must happen soon. */
export interface Limits {
  /** From the fault to its alarm. */
  alarmMs: number;
  /** From the end of the fault to the end of its alarm. */
  recoveryMs: number;
  /** In which decisions are counted. */
  windowMs: number;
}

/** The fewest decisions in a window: the camera delivers ten a second. */
const MIN_DECISIONS = 5;
const CAMERA = {
  driver: 'simulated',
  name: 'main',
  intervalMs: 100,
  widthPixels: 64,
  heightPixels: 64,
};

/** Runs when the scenario is over, in reverse order. */
export type After = (end: () => unknown) => void;

/** A real robot with a real broker, which a fault befalls. */
export class Victim {
  readonly violations: string[] = [];
  decisions = 0;
  #daemon: Daemon | null = null;

  private constructor(
    private readonly what: string,
    readonly rig: Rig,
    readonly person: Person,
    private readonly limits: Limits,
    /** Those of the robot beside the usual ones. */
    readonly settings: Record<string, unknown> & { cameras: object[] },
  ) {}

  static async create(what: string, limits: Limits, after: After): Promise<Victim> {
    const t = { after } as Parameters<typeof Rig.create>[0];
    const broker = await Mosquitto.start(t as Parameters<typeof Mosquitto.start>[0]);
    const settings = {
      mqtt: {
        url: broker.url,
        backoffInitialMs: 100,
        backoffMaxMs: 1_000,
        metricsIntervalMs: 1_000,
        predictionIntervalMs: 0,
      },
      cameras: [CAMERA],
      // Nothing is stored unless somebody asks for it.
      samples: { askMaxWaiting: 0, minFreeBytes: 0 },
      board: { checkIntervalMs: 1_000 },
      training: { everyNewLabels: 0, minLabels: 12 },
    };
    const rig = await Rig.create(t, settings);
    const person = await Person.listen(t as Parameters<typeof Person.listen>[0], broker.url);
    return new Victim(what, rig, person, limits, settings);
  }

  async start(options: Parameters<Rig['start']>[0] = {}): Promise<Daemon> {
    this.#daemon = await this.rig.start(options);
    await this.person.until(({ topic }) => topic.endsWith('/prediction'));
    return this.#daemon;
  }

  get pid(): number {
    return this.#daemon!.process.pid!;
  }

  get daemon(): Daemon {
    return this.#daemon!;
  }

  violated(how: string): void {
    this.violations.push(`${this.what}: ${how}`);
  }

  /** Inference goes on in the process that was there before. */
  async decides(when: string): Promise<void> {
    const before = this.#predictions();
    await sleep(this.limits.windowMs);
    const decided = this.#predictions() - before;
    this.decisions += decided;
    if (!this.daemon.alive) this.violated(`the daemon has ended ${when}:\n${this.daemon.tail()}`);
    else if (decided < MIN_DECISIONS) {
      this.violated(`${decided} decisions in ${this.limits.windowMs} ms ${when}`);
    }
  }

  /** An alarm with this code, or of this name, is raised: event, log and status say so. */
  async alarmed(code: RegExp): Promise<void> {
    const raised = await this.#within(this.limits.alarmMs, () =>
      this.#events('alarm_raised').some(({ body }) => code.test(body.code)),
    );
    if (!raised) this.violated(`no alarm ${code} within ${this.limits.alarmMs} ms`);
  }

  /** Every alarm that was raised is cleared, by itself. */
  async recovered(): Promise<void> {
    const open = (): string[] => {
      const raised = new Set<string>();
      for (const { body } of this.person.received) {
        if (body.kind === 'alarm_raised') raised.add(body.details.alarm);
        if (body.kind === 'alarm_cleared') raised.delete(body.details.alarm);
      }
      return [...raised];
    };
    const isOver = await this.#within(this.limits.recoveryMs, () => open().length === 0);
    if (!isOver) this.violated(`alarms stay after the fault: ${open().join(', ')}`);
  }

  /** Labels are taken again. */
  async takesLabels(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const snapshot = await this.person.command('snapshot');
      const answer = snapshot.ok
        ? await this.person.command('label', { sample: snapshot.data.sample_id, label: 'weed' })
        : snapshot;
      if (answer.ok) return;
      if (attempt < 20) await sleep(500);
      else return this.violated(`no label is taken after the fault: ${answer.error.code}`);
    }
  }

  #predictions(): number {
    return this.person.received.filter(({ topic }) => topic.endsWith('/prediction')).length;
  }

  #events(kind: string) {
    return this.person.received.filter(({ body }) => body.kind === kind);
  }

  async #within(ms: number, holds: () => boolean): Promise<boolean> {
    const untilMs = performance.now() + ms;
    while (!holds()) {
      if (performance.now() > untilMs) return false;
      await sleep(50);
    }
    return true;
  }
}
