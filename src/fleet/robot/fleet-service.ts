import { join } from 'node:path';
import { z } from 'zod';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Repeats, Repetition } from '../../base/timers/scheduler.js';
import type { Config } from '../../config/schema.js';
import type { Meta } from '../../storage/meta-table.js';
import type { FleetTraining } from '../../training/job/job-protocol.js';
import type { TrainingReport } from '../../training/report.js';
import { type Desired, type DesiredTask, desiredSchema, type Want } from '../contract/desired.js';
import { fleetTopic } from '../contract/fleet-topics.js';
import type { Reported } from '../contract/reported.js';
import { FleetMemory } from './fleet-memory.js';
import type { FleetLink, FleetSurroundings, FleetTask, RunningBackbone } from './fleet-ports.js';
import { positionReport, privacyReport, taskReport } from './fleet-report.js';
import { FleetWorker } from './fleet-worker.js';
import { ObjectFetcher } from './objects/object-fetcher.js';
import { ObjectFolder } from './objects/object-folder.js';
import { ObjectSender } from './objects/object-sender.js';
import { TaskContext } from './task-context.js';
import { TaskFollowing } from './task-following.js';
import { TaskSharing } from './task-sharing.js';

const TEND_INTERVAL_MS = 1_000;
/** Changes of counts, of places and of the share of unknowns are reported no more often than this. */
const SOFT_REPORT_MS = 600_000;
const LABEL_REPORT_MS = 10_000;
const MAX_DESIRED_BYTES = 1_048_576;

export interface FleetOptions {
  robotId: string;
  /** Of headland. */
  version: string;
  config: Pick<Config, 'fleet' | 'training' | 'paths'>;
  databasePath: string;
  meta: Pick<Meta, 'get' | 'set'>;
  tasks: readonly FleetTask[];
  link: FleetLink;
  surroundings: FleetSurroundings;
  repeats: Repeats;
  log: Log;
}

interface TaskParts {
  context: TaskContext;
  sharing: TaskSharing;
  following: TaskFollowing;
  /** What is under way for sharing: it may take minutes. */
  work: Promise<void> | null;
}

/** What the robot does in the fleet, for a status. */
export interface FleetStatus {
  /** Name of the hub; null: it has not been heard since the start. */
  hub: string | null;
  share: boolean;
  quarantined: string | null;
  tasks: {
    task: string;
    sharedVersion: number | null;
    sharedSamples: number | null;
    head: { version: number; state: string; reason: string | null } | null;
    problem: HeadlandError | null;
  }[];
}

/**
 * The robot's side of a fleet, for all its tasks: sends sums over its samples, takes heads of the hub, and
 * says what became of them. What fails here never stops the robot from classifying or learning alone.
 */
export class FleetService {
  readonly #options: FleetOptions;
  readonly #memory: FleetMemory;
  readonly #fetcher: ObjectFetcher;
  readonly #worker: FleetWorker;
  readonly #tasks: readonly TaskParts[];
  #desired: Desired | null = null;
  #desiredChanged = true;
  #repetition: Repetition | null = null;
  #isStopped = false;
  #reported = { hard: '', labels: '', soft: '', atMs: Number.NEGATIVE_INFINITY };

  constructor(options: FleetOptions) {
    this.#options = options;
    const { config, robotId, link, log, meta } = options;
    const folder = new ObjectFolder(join(config.paths.stateDir, 'fleet'));
    this.#memory = new FleetMemory(meta);
    this.#worker = new FleetWorker({ ...config.training, log });
    this.#fetcher = new ObjectFetcher({
      folder,
      maxBytes: config.fleet.maxObjectBytes,
      ask: (want) => this.#ask(want),
      log,
    });
    const sender = new ObjectSender(link, fleetTopic(robotId, 'chunk'));
    this.#tasks = options.tasks.map((task) => {
      const context = new TaskContext({
        task,
        settings: config.fleet,
        databasePath: options.databasePath,
        memory: this.#memory,
        folder,
        fetcher: this.#fetcher,
        sender,
        surroundings: options.surroundings,
        isSharing: () => this.#shares,
        compute: (work) => this.#worker.compute(work),
        nowMs: () => performance.now(),
        log,
      });
      return {
        context,
        sharing: new TaskSharing(context),
        following: new TaskFollowing(context),
        work: null,
      };
    });
  }

  /** Listens to the hub; call it before the connection starts. */
  listen(): void {
    const { robotId, link } = this.#options;
    link.subscribe(fleetTopic(robotId, 'desired'), (payload) => this.#receiveDesired(payload));
    link.subscribe(fleetTopic(robotId, 'part'), (payload) => void this.#fetcher.receive(payload));
    link.whenReady(() => this.#fetcher.reconnected());
  }

  /** Takes part; call it when the heads serve. */
  start(): void {
    this.#repetition = this.#options.repeats.every({
      name: 'fleet',
      what: 'take part in the fleet',
      intervalMs: TEND_INTERVAL_MS,
      run: () => this.tend(),
    });
  }

  /** Nothing of the fleet runs when it resolves. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#worker.stop();
    await this.#repetition?.stop();
    await Promise.all(this.#tasks.map(({ work }) => work));
  }

  /** A program holds the robot, the board is too hot, or no longer: what is computed waits meanwhile. */
  hold(isHeld: boolean): void {
    this.#worker.pause(isHeld);
  }

  /** The accepted head of the fleet, which trainings of a task blend own samples with; null: none. */
  baseOf(task: string): FleetTraining | null {
    return this.#find(task)?.following.base() ?? null;
  }

  /** Shares nothing from now on, whatever the setting says, or as it says. @throws HeadlandError HL_STORE_… */
  withdraw(withdrawn: boolean): void {
    this.#memory.withdraw(withdrawn);
  }

  trained(report: TrainingReport): void {
    this.#find(report.task)?.following.trained(report);
  }

  status(): FleetStatus {
    return {
      hub: this.#desired?.hub ?? null,
      share: this.#shares,
      quarantined: this.#desired?.quarantined ?? null,
      tasks: this.#tasks.map(({ context }) => {
        const { sums, head } = context.remembered ?? {};
        return {
          task: context.name,
          sharedVersion: sums?.version ?? null,
          sharedSamples: sums?.samples ?? null,
          head: head ? { version: head.version, state: head.state, reason: head.reason } : null,
          problem: context.problem,
        };
      }),
    };
  }

  /** One step of everything that is due. @throws HeadlandError HL_STORE_…, HL_HEAD_… */
  async tend(): Promise<void> {
    if (this.#isStopped) return;
    const backbone = this.#options.surroundings.backbone();
    if (backbone === null) return;
    // What stops one task must not stop the others, nor the report.
    const failures: unknown[] = [];
    for (const parts of this.#tasks) {
      try {
        await this.#follow(parts, backbone);
        parts.context.setProblem('step', null);
      } catch (error) {
        failures.push(error);
        if (isHeadlandError(error)) parts.context.setProblem('step', error);
      }
    }
    await this.#tidy(failures);
    for (const parts of this.#tasks) this.#beginSharing(parts, backbone);
    this.#report(backbone);
    if (failures.length > 0) throw failures[0];
  }

  /** Shares in the background: sums of many samples take minutes, and heads must not wait for them. */
  #beginSharing(parts: TaskParts, backbone: RunningBackbone): void {
    const { context, sharing } = parts;
    if (parts.work !== null || this.#isStopped) return;
    const wanted = this.#wantedOf(context.name, backbone);
    const isWelcome = (this.#desired?.quarantined ?? null) === null;
    if (wanted === null || wanted === 'other backbone' || wanted.follow === 'paused') return;
    if (!this.#shares || !isWelcome || this.#options.surroundings.isHeld()) return;
    parts.work = sharing
      .tend(wanted, backbone)
      .then(() => context.setProblem('sharing', null))
      .catch((error: unknown) => {
        if (isHeadlandError(error)) context.setProblem('sharing', error);
        else this.#options.log.error({ err: error, task: context.name }, 'cannot share sums');
      })
      .finally(() => {
        parts.work = null;
      });
  }

  async #follow(
    { context, sharing, following }: TaskParts,
    backbone: RunningBackbone,
  ): Promise<void> {
    const wanted = this.#wantedOf(context.name, backbone);
    context.setProblem('backbone', wanted === 'other backbone' ? otherBackbone(backbone) : null);
    if (!this.#shares) sharing.withdraw();
    if (wanted === null || wanted === 'other backbone' || wanted.follow === 'paused') {
      await following.observe();
      return;
    }
    await following.tend(wanted, backbone);
  }

  get #shares(): boolean {
    return this.#options.config.fleet.share && !this.#memory.isWithdrawn;
  }

  #wantedOf(task: string, { checksum }: RunningBackbone): DesiredTask | 'other backbone' | null {
    const ofTask = (this.#desired?.tasks ?? []).filter((each) => each.task === task);
    const found = ofTask.find((each) => each.backbone === checksum);
    return found ?? (ofTask.length > 0 ? 'other backbone' : null);
  }

  #find(task: string): TaskParts | undefined {
    return this.#tasks.find(({ context }) => context.name === task);
  }

  #ask(want: Want): boolean {
    const { link, robotId } = this.#options;
    return link.sendOnce(fleetTopic(robotId, 'want'), Buffer.from(JSON.stringify(want)));
  }

  #receiveDesired(payload: Uint8Array): void {
    try {
      this.#desired = payload.length === 0 ? null : parseDesired(payload);
      this.#desiredChanged = true;
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      this.#options.log.warn({ code: error.code }, error.message);
    }
  }

  /** Removes files that nothing needs any more. */
  async #tidy(failures: readonly unknown[]): Promise<void> {
    // What is under way has files that nothing names yet.
    const isBusy = this.#tasks.some(({ work }) => work !== null);
    if (!this.#desiredChanged || failures.length > 0 || isBusy) return;
    // Without a word of the hub nothing is known to be useless.
    if (this.#desired === null) return;
    this.#desiredChanged = false;
    const needed = this.#tasks.flatMap(({ context, sharing, following }) => {
      const wanted = this.#desired?.tasks.find(({ task }) => task === context.name) ?? null;
      return [...sharing.objects(wanted), ...following.objects(wanted)];
    });
    await this.#fetcher.keepOnly(new Set(needed));
  }

  #report(backbone: RunningBackbone): void {
    const { config, surroundings, robotId, link, version } = this.#options;
    const used = Math.max(
      0,
      ...this.#tasks.map(({ context }) => context.memoryOf(backbone).releases),
    );
    const tasks = this.#tasks.map(({ context }) =>
      taskReport(context, backbone, surroundings.unknownShare(context.name)),
    );
    const position = positionReport(surroundings.position());
    const privacy = privacyReport(config.fleet.privacy, used);
    const share = this.#shares;
    const hard = JSON.stringify([
      share,
      privacy,
      tasks.map(({ labels: _, unknown_share: __, ...task }) => task),
    ]);
    const labels = JSON.stringify(tasks.map((task) => task.labels));
    const soft = JSON.stringify([position, tasks.map((task) => task.unknown_share)]);
    const sinceMs = performance.now() - this.#reported.atMs;
    const isDue =
      hard !== this.#reported.hard ||
      (labels !== this.#reported.labels && sinceMs >= LABEL_REPORT_MS) ||
      (soft !== this.#reported.soft && sinceMs >= SOFT_REPORT_MS);
    if (!isDue) return;
    const report: Reported = {
      schema: 'fleet/reported/1',
      at: new Date().toISOString(),
      epoch: this.#memory.epoch(),
      number: this.#memory.nextReport(),
      version,
      share,
      privacy,
      position,
      tasks,
    };
    const payload = Buffer.from(JSON.stringify(report));
    link.publishRetained(fleetTopic(robotId, 'reported'), () => payload);
    this.#reported = { hard, labels, soft, atMs: performance.now() };
    this.#desiredChanged = true;
  }
}

/** @throws HeadlandError HL_FLEET_MESSAGE_INVALID */
function parseDesired(payload: Uint8Array): Desired {
  if (payload.length > MAX_DESIRED_BYTES) throw invalid(`it has ${payload.length} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  const parsed = desiredSchema.safeParse(value);
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error));
  return parsed.data;
}

function invalid(what: string, cause?: unknown): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_MESSAGE_INVALID',
    `cannot read a message of the fleet: ${what}`,
    { remedy: 'Use the same version of headland on the robots and on the hub.', cause },
  );
}

function otherBackbone({ name }: RunningBackbone): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_OTHER_BACKBONE',
    `the fleet uses another backbone than this robot (${name})`,
    {
      remedy: 'Set models.backbone and inference.fit as on the other robots, then train again.',
      details: { backbone: name },
    },
  );
}
