import { existsSync } from 'node:fs';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { FleetTraining } from '../../training/job/job-protocol.js';
import type { TrainingReport } from '../../training/report.js';
import type { DesiredTask, Offer } from '../contract/desired.js';
import type { HeadState } from '../contract/reported.js';
import type { FleetBase, TaskMemory } from './fleet-memory.js';
import type { RunningBackbone } from './fleet-ports.js';
import type { TaskContext } from './task-context.js';

/** After a failure a head is tried again; the time doubles. */
const RETRY_MS = 60_000;
const MAX_RETRY_MS = 3_600_000;

type Wanted = NonNullable<DesiredTask['head']>;

/** A training that makes a head of the fleet serve, or does not. */
interface Running {
  trainingId: string;
  base: FleetBase;
}

/** What a robot takes of one task: heads of the fleet, which its own gate judges. */
export class TaskFollowing {
  #running: Running | null = null;
  #failures = 0;
  #againAtMs = 0;

  constructor(private readonly context: TaskContext) {}

  /** Does what the hub wants, one step at a time. @throws HeadlandError HL_STORE_…, HL_HEAD_… */
  async tend(wanted: DesiredTask, backbone: RunningBackbone): Promise<void> {
    const memory = this.context.memoryOf(backbone);
    await this.#observe(memory);
    const { head, follow } = wanted;
    if (head === null || this.#isDealtWith(head, memory)) return;
    if (this.#running) return;
    const held = await this.#heldBy(follow, head);
    if (held !== null) {
      this.#state(memory, head, 'held', null, held);
      return;
    }
    if (this.context.parts.nowMs() < this.#againAtMs) return;
    if (head.roll_back && (await this.#rollBack(memory, head))) return;
    await this.#take(wanted, head, memory);
  }

  /** Learns what became of the fleet head that serves; also without a hub. */
  async observe(): Promise<void> {
    const memory = this.context.remembered;
    if (memory) await this.#observe(memory);
  }

  /** A training of the task has ended. */
  trained(report: TrainingReport): void {
    const running = this.#running;
    const memory = this.context.remembered;
    if (running?.trainingId !== report.trainingId || !memory) return;
    this.#running = null;
    const head = { fleet_version: running.base.version, object: running.base.head };
    const version = report.result?.version ?? null;
    switch (report.outcome) {
      case 'promoted':
        this.#failures = 0;
        memory.base = running.base;
        this.#settled(memory, head, 'serving', version, null);
        break;
      case 'refused':
        this.#failures = 0;
        if (report.verdict.key === 'verdict.stale') return;
        if (report.verdict.key === 'verdict.pinned') {
          this.#settled(memory, head, 'held', version, report.reason);
        } else {
          this.#settled(memory, head, 'refused', version, report.reason);
        }
        break;
      case 'failed':
        this.#failed(memory, head, report);
        break;
      case 'cancelled':
        break;
    }
  }

  /** The accepted head, with which each training of this task blends own samples; null: there is none. */
  base(): FleetTraining | null {
    const { settings, task } = this.context.parts;
    const base = this.context.remembered?.base ?? null;
    const serving = task.serving()?.card.fleet;
    if (!settings.follow || base === null || serving?.object !== base.head) return null;
    const training = this.#training(base, 'judge');
    const files = [training.head, training.prior, training.basis];
    const isWhole = files.every((file) => file === null || existsSync(file.path));
    return isWhole && training.prior !== null ? training : null;
  }

  /** Objects of the hub that following needs. */
  objects(wanted: DesiredTask | null): string[] {
    const bases = [this.context.remembered?.base, this.#running?.base];
    const known = bases.flatMap((base) => [base?.head, base?.prior, base?.basis]);
    const head = wanted?.head;
    const offered = [head?.head.object, head?.prior?.object];
    return [...known, ...offered].filter((id) => typeof id === 'string');
  }

  /** A head that serves may go on trial, or be replaced by the one before. */
  async #observe(memory: TaskMemory): Promise<void> {
    const { task } = this.context.parts;
    const { head } = memory;
    if (head === null) return;
    const serving = task.serving();
    const version = serving?.card.version ?? null;
    if (serving?.card.fleet?.object === head.object) {
      const state = task.isOnTrial() ? 'trial' : 'serving';
      this.#update(memory, state, version, null);
      return;
    }
    if (head.state === 'judging' && !this.#running) await this.#findVerdict(memory);
    if (head.state !== 'serving' && head.state !== 'trial') return;
    const isBack = version !== null && head.localVersion !== null && version < head.localVersion;
    if (isBack) {
      this.#update(memory, 'rolled_back', head.localVersion, `head ${version ?? 0} serves again`);
      this.#tell('fleet_rolled_back', memory);
    }
  }

  /** The robot ended while the gate judged: the registry knows more. */
  async #findVerdict(memory: TaskMemory): Promise<void> {
    const { head } = memory;
    const cards = (await this.context.parts.task.heads.list()).flatMap(({ card }) => card ?? []);
    const judged = cards.filter(({ fleet }) => fleet?.object === head?.object).at(-1);
    if (judged?.refused) this.#update(memory, 'refused', judged.version, judged.refused);
  }

  #isDealtWith(wanted: Wanted, { head }: TaskMemory): boolean {
    const serving = this.context.parts.task.serving()?.card.fleet;
    if (wanted.roll_back) return serving?.object === wanted.head.object;
    if (head?.version !== wanted.fleet_version || head.object !== wanted.head.object) return false;
    return ['serving', 'trial', 'refused', 'rolled_back'].includes(head.state);
  }

  async #heldBy(follow: DesiredTask['follow'], { roll_back }: Wanted): Promise<string | null> {
    const { settings, task, surroundings } = this.context.parts;
    if (!settings.follow) return 'fleet.follow is false';
    if (follow === 'pinned' && !roll_back) return 'the hub keeps this robot on its head';
    const pinned = await task.heads.pinned();
    if (pinned !== null) return `head ${pinned} is pinned on the robot`;
    if (surroundings.isHeld()) return 'a program holds the robot';
    const obstacle = task.obstacle();
    return obstacle === null ? null : obstacle.message;
  }

  /** @returns false: the version is not on the robot any more */
  async #rollBack(memory: TaskMemory, wanted: Wanted): Promise<boolean> {
    const { task } = this.context.parts;
    const cards = (await task.heads.list()).flatMap(({ card }) => card ?? []);
    const earlier = cards.filter(({ fleet }) => fleet?.object === wanted.head.object);
    // One that the gate had refused never served here; the one that served last does.
    const served = earlier.filter(({ refused }) => refused === null).at(-1) ?? earlier.at(-1);
    if (served === undefined) return false;
    await task.rollBack(served.version);
    this.#state(memory, wanted, 'serving', served.version, null);
    this.#tell('fleet_head_taken', memory);
    return true;
  }

  async #take(wanted: DesiredTask, head: Wanted, memory: TaskMemory): Promise<void> {
    const { task, log } = this.context.parts;
    const basis = wanted.basis?.offer ?? null;
    const { prior } = head;
    for (const offer of [head.head, prior, prior && basis]) {
      if (offer !== null && !(await this.#isHere(offer))) {
        this.#state(memory, head, 'fetching', null, null);
        return;
      }
    }
    const base: FleetBase = {
      version: head.fleet_version,
      samples: head.samples,
      head: head.head.object,
      prior: prior?.object ?? null,
      basis: basis?.object ?? null,
      lambdaIndex: head.lambda_index,
      scale: head.scale,
      aliases: wanted.aliases,
    };
    this.#state(memory, head, 'judging', null, null);
    if (task.isTraining()) return;
    try {
      const trainingId = await task.train(this.#training(base, this.#mode(head)));
      this.#running = { trainingId, base };
      log.info({ task: task.name, fleetVersion: base.version }, 'judging a head of the fleet');
    } catch (error) {
      // Another process trains, or the robot ends: the next time is soon.
      if (!isHeadlandError(error)) throw error;
      log.debug({ err: error }, 'the head of the fleet waits');
    }
  }

  /** A robot that serves a head of its own lets its gate decide, also where it has few samples. */
  #mode({ roll_back }: Wanted): FleetTraining['mode'] {
    if (roll_back) return 'adopt';
    const serving = this.context.parts.task.serving();
    return serving === null || serving.card.fleet !== undefined ? 'judge-or-adopt' : 'judge';
  }

  async #isHere(offer: Offer): Promise<boolean> {
    const { fetcher } = this.context.parts;
    const isHere = await fetcher.need(offer);
    this.context.setProblem('head', fetcher.problem(offer.object));
    return isHere;
  }

  #training(base: FleetBase, mode: FleetTraining['mode']): FleetTraining {
    const { folder, settings } = this.context.parts;
    const file = (id: string) => ({ id, path: folder.path(id) });
    const { version, samples, lambdaIndex, scale, aliases } = base;
    return {
      version,
      object: base.head,
      samples,
      mode,
      head: file(base.head),
      prior: base.prior === null ? null : file(base.prior),
      blend: settings.blend,
      basis: base.basis === null ? null : file(base.basis),
      lambdaIndex,
      scale,
      aliases,
    };
  }

  #failed(
    memory: TaskMemory,
    head: { fleet_version: number; object: string },
    { error, reason }: TrainingReport,
  ): void {
    const code = error?.code ?? '';
    if (/^HL_TRAINING_TOO_FEW_/.test(code)) {
      this.#settled(memory, head, 'refused', null, reason);
      return;
    }
    const { object } = error?.details ?? {};
    if (error && typeof object === 'string') {
      const { remedy, message } = error;
      this.context.parts.fetcher.forget(object, new HeadlandError(error.code, message, { remedy }));
    }
    if (error) {
      const { remedy, message } = error;
      this.context.setProblem('training', new HeadlandError(error.code, message, { remedy }));
    }
    this.#againAtMs =
      this.context.parts.nowMs() + Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
  }

  #settled(
    memory: TaskMemory,
    head: { fleet_version: number; object: string },
    state: HeadState,
    localVersion: number | null,
    reason: string | null,
  ): void {
    this.context.setProblem('training', null);
    this.#state(memory, { ...head, head: { object: head.object } }, state, localVersion, reason);
    // What is accepted must survive, even if the state was there before.
    this.context.save();
    if (state === 'serving') this.#tell('fleet_head_taken', memory);
    if (state === 'refused') this.#tell('fleet_head_refused', memory);
  }

  #state(
    memory: TaskMemory,
    wanted: { fleet_version: number; head: { object: string } },
    state: HeadState,
    localVersion: number | null,
    reason: string | null,
  ): void {
    const { head } = memory;
    const { fleet_version: version } = wanted;
    const { object } = wanted.head;
    if (head?.version !== version || head.object !== object) {
      memory.head = { version, object, state, localVersion, reason };
      this.context.save();
      return;
    }
    this.#update(memory, state, localVersion, reason);
  }

  #update(
    memory: TaskMemory,
    state: HeadState,
    localVersion: number | null,
    reason: string | null,
  ): void {
    const { head } = memory;
    if (head === null) return;
    const isSame =
      head.state === state && head.localVersion === localVersion && head.reason === reason;
    if (isSame) return;
    memory.head = { ...head, state, localVersion, reason };
    this.context.save();
  }

  #tell(
    kind: 'fleet_head_taken' | 'fleet_head_refused' | 'fleet_rolled_back',
    { head }: TaskMemory,
  ): void {
    if (head === null) return;
    const { version: fleetVersion, localVersion, reason } = head;
    const news = { kind, fleetVersion, localVersion, reason };
    this.context.parts.surroundings.tell(this.context.name, news);
  }
}
