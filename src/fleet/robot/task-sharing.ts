import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { ObjectFile } from '../../training/job/job-protocol.js';
import { ROBOT_OBJECTS, type RobotObject } from '../contract/chunk-codec.js';
import type { DesiredTask } from '../contract/desired.js';
import type { SentObject, TaskMemory } from './fleet-memory.js';
import type { RunningBackbone } from './fleet-ports.js';
import type { BasisFile, FleetWork, FleetWorkResult, WorkBase } from './job/fleet-job-protocol.js';
import { noiseOf } from './privacy-budget.js';
import type { TaskContext } from './task-context.js';

/** What was sent and is still missing at the hub is sent again after this time. */
const SEND_AGAIN_MS = 600_000;
/** Before the first contribution, and after a failure, the robot looks again after this time. */
const RETRY_MS = 60_000;

/** A moment is sent again when there are so many times the labels that it holds. */
const GROWTH = 1.5;

/** What a robot sends of one task: a second moment, sums, evaluations. */
export class TaskSharing {
  /** Monotonic, milliseconds, by kind. */
  readonly #sentAtMs = new Map<RobotObject, number>();
  readonly #startedMs: number;
  /** What was tried last, by kind, and when it may be tried again. */
  readonly #tried = new Map<RobotObject, { stamp: string; againAtMs: number }>();
  /** When the next contribution may be made; null: as what is remembered says. */
  #nextAtMs: number | null = null;

  constructor(private readonly context: TaskContext) {
    this.#startedMs = context.parts.nowMs();
  }

  /** Does what the hub wants, one step at a time. @throws HeadlandError HL_STORE_… */
  async tend(wanted: DesiredTask, backbone: RunningBackbone): Promise<void> {
    const memory = this.context.memoryOf(backbone);
    this.#refusedByHub(wanted, memory);
    this.#newEpochIfRestored(wanted, memory);
    await this.#sendRecorded(wanted, memory, backbone);
    if (wanted.basis) await this.#contribute('sums', wanted, memory, backbone);
    else if (wanted.moment_wanted || this.#hasGrown(memory)) {
      await this.#contribute('moment', wanted, memory, backbone);
    }
    await this.#evaluate(wanted, memory, backbone);
  }

  /** The robot shares nothing: what it has sent is forgotten, and so is what waits. */
  withdraw(): void {
    const { sender } = this.context.parts;
    const memory = this.context.remembered;
    for (const kind of ROBOT_OBJECTS) {
      if (sender.waiting(kind, this.context.name) > 0) sender.withdraw(kind, this.context.name);
    }
    if (!memory || !(memory.sums ?? memory.moment ?? memory.evaluated)) return;
    memory.sums = null;
    memory.moment = null;
    memory.evaluated = null;
    this.context.save();
    this.#tried.clear();
  }

  /** Objects of the robot and of the hub that sharing needs. */
  objects(wanted: DesiredTask | null): string[] {
    const memory = this.context.remembered;
    const own = [memory?.sums?.object, memory?.moment?.object, memory?.evaluated?.object];
    const given = memory?.given ?? undefined;
    const ofHub = [wanted?.basis?.offer?.object, wanted?.evaluate?.candidates.object];
    return [...own, given, ...ofHub].filter((id) => id !== undefined);
  }

  #refusedByHub({ refused }: DesiredTask, { sums, moment, evaluated }: TaskMemory): void {
    const own = [sums?.object, moment?.object, evaluated?.object];
    const isOwn = refused !== null && own.includes(refused.object);
    this.context.setProblem('refused', isOwn ? refusedByHub(refused.message) : null);
  }

  /** A state that was restored from a backup counts its versions a second time. */
  #newEpochIfRestored({ sums_accepted: accepted }: DesiredTask, memory: TaskMemory): void {
    const { memory: robot, log } = this.context.parts;
    if (accepted?.epoch !== robot.epoch() || accepted.version <= memory.version) return;
    log.warn({ task: this.context.name }, 'the hub knows newer sums: this state is an older copy');
    robot.renewEpoch();
    memory.sums = null;
    memory.moment = null;
    memory.evaluated = null;
    this.context.save();
    this.#tried.clear();
  }

  /** Sends what was recorded and may not have left the robot. */
  async #sendRecorded(
    wanted: DesiredTask,
    memory: TaskMemory,
    backbone: RunningBackbone,
  ): Promise<void> {
    for (const kind of ['moment', 'sums', 'evaluated'] as const) {
      const record = memory[kind];
      const object = kind === 'evaluated' ? 'evaluation' : kind;
      if (!record || (record.queued && !this.#isMissing(object, wanted, memory))) continue;
      await this.#send(object, record, backbone);
    }
  }

  /** Whether the hub waits for what the robot believes to have sent. */
  #isMissing(kind: RobotObject, wanted: DesiredTask, memory: TaskMemory): boolean {
    const { sender, nowMs } = this.context.parts;
    if (sender.isTooLargeNow(kind, this.context.name)) return true;
    const sinceMs = this.#sentAtMs.get(kind) ?? this.#startedMs;
    if (nowMs() - sinceMs < SEND_AGAIN_MS || sender.waiting(kind, this.context.name) > 0) {
      return false;
    }
    const { sums, evaluated } = memory;
    if (kind === 'moment') return wanted.moment_wanted;
    if (kind === 'evaluation') return wanted.evaluate?.round === evaluated?.round;
    const { sums_accepted: accepted, refused } = wanted;
    const isThere = accepted?.epoch === sums?.epoch && accepted?.version === sums?.version;
    return !isThere && refused?.object !== sums?.object && wanted.basis?.checksum === sums?.basis;
  }

  async #send(
    kind: RobotObject,
    record: Pick<SentObject, 'object' | 'epoch' | 'version' | 'queued'>,
    { checksum }: RunningBackbone,
  ): Promise<void> {
    const { folder, sender, nowMs } = this.context.parts;
    try {
      const bytes = await folder.read(record.object);
      const { epoch, version } = record;
      const about = { kind, task: this.context.name, backbone: checksum, epoch, version };
      sender.send(bytes, about);
      this.context.setProblem(kind, null);
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      if (error.code === 'HL_FLEET_OBJECT_DAMAGED') this.#forget(kind);
      else this.context.setProblem(kind, error);
      return;
    }
    this.#sentAtMs.set(kind, nowMs());
    if (record.queued) return;
    record.queued = true;
    this.context.save();
  }

  /** Its file is gone: it is computed again. */
  #forget(kind: RobotObject): void {
    const memory = this.context.remembered;
    if (!memory) return;
    memory[kind === 'evaluation' ? 'evaluated' : kind] = null;
    this.context.save();
    this.#tried.delete(kind);
  }

  async #contribute(
    kind: 'moment' | 'sums',
    wanted: DesiredTask,
    memory: TaskMemory,
    backbone: RunningBackbone,
  ): Promise<void> {
    const stamp = this.#stamp(kind, wanted, backbone);
    if (!this.#isDue(kind, wanted, memory, stamp) || this.#isUsedUp(memory)) return;
    const basis = kind === 'sums' ? await this.#basis(wanted) : null;
    if (kind === 'sums' && basis === null) return;
    const work = this.#contribution(kind, wanted, memory, backbone, basis);
    const result = await this.#compute(kind, stamp, work);
    if (!result || this.#isOver(memory)) return;
    this.#lookAgain(kind, stamp, memory, result);
    if (result.object === null) {
      const last = memory[kind];
      if (last) last.stamp = stamp;
      if (last) this.context.save();
      return;
    }
    const sent = this.#record(memory, result, result.object, stamp);
    if (kind === 'moment') memory.moment = sent;
    else memory.sums = { ...sent, basis: wanted.basis?.checksum ?? 'identity' };
    this.context.save();
    const recorded = memory[kind];
    if (recorded) await this.#send(kind, recorded, backbone);
  }

  /**
   * Whether there are many more labels than the moment holds that the hub has. It waits for a number of samples,
   * so that a fleet whose robots began with a few would never get a basis.
   */
  #hasGrown({ moment }: TaskMemory): boolean {
    if (moment === null) return false;
    let labelled = 0;
    for (const count of this.context.parts.task.samples.labelCounts().values()) labelled += count;
    return labelled >= GROWTH * moment.samples;
  }

  /** Whether there may be something new, and it may be sent. */
  #isDue(kind: 'moment' | 'sums', wanted: DesiredTask, memory: TaskMemory, stamp: string): boolean {
    const { nowMs } = this.context.parts;
    const last = memory[kind];
    const tried = this.#tried.get(kind);
    if (tried?.stamp === stamp) return nowMs() >= tried.againAtMs;
    if (last === null || this.#isOtherBasis(kind, wanted, memory)) return true;
    return last.stamp !== stamp && nowMs() >= this.#dueMs(memory);
  }

  #isOtherBasis(kind: 'moment' | 'sums', { basis }: DesiredTask, { sums }: TaskMemory): boolean {
    return kind === 'sums' && sums !== null && sums.basis !== basis?.checksum;
  }

  #contribution(
    kind: 'moment' | 'sums',
    wanted: DesiredTask,
    memory: TaskMemory,
    backbone: RunningBackbone,
    basis: BasisFile | null,
  ): FleetWork {
    const { settings, folder } = this.context.parts;
    const isOther = this.#isOtherBasis(kind, wanted, memory);
    const file = (id: string | null | undefined): ObjectFile | null =>
      id ? { id, path: folder.path(id) } : null;
    const common = {
      ...this.#work(wanted, backbone),
      minSamplesPerClass: settings.minSamplesPerClass,
      sigma: noiseOf(settings.privacy),
      known: isOther ? null : (memory[kind]?.content ?? null),
      given: file(memory.given),
    };
    if (basis === null) return { kind: 'moment', ...common };
    const last = isOther ? null : file(memory.sums?.object);
    return { kind: 'sums', basis, last, ...common };
  }

  /** Samples whose features come later change no label, and a class may get enough of them. */
  #lookAgain(
    kind: 'moment' | 'sums',
    stamp: string,
    memory: TaskMemory,
    { object, pending }: FleetWorkResult,
  ): void {
    const { settings, nowMs } = this.context.parts;
    const hasSent = memory[kind] !== null || object !== null;
    if (pending === 0 && hasSent) {
      this.#tried.delete(kind);
      return;
    }
    const waitMs = hasSent ? settings.intervalMs : Math.min(RETRY_MS, settings.intervalMs);
    this.#tried.set(kind, { stamp, againAtMs: nowMs() + waitMs });
  }

  /** What is about to be sent, and that a release of the privacy budget is used. */
  #record(
    memory: TaskMemory,
    { samples, content, given }: FleetWorkResult,
    object: string,
    stamp: string,
  ): SentObject {
    const { settings, nowMs, memory: robot } = this.context.parts;
    memory.version += 1;
    memory.given = given ?? memory.given;
    if (settings.privacy.epsilon !== null) memory.releases += 1;
    memory.contributedAtMs = Date.now();
    this.#nextAtMs = nowMs() + settings.intervalMs;
    const { version } = memory;
    return { object, epoch: robot.epoch(), version, samples, content, stamp, queued: false };
  }

  async #evaluate(
    wanted: DesiredTask,
    memory: TaskMemory,
    backbone: RunningBackbone,
  ): Promise<void> {
    const { fetcher, folder, settings, nowMs } = this.context.parts;
    const { evaluate } = wanted;
    // A sum of log-losses has no bound, so that no noise could hide one sample.
    if (evaluate === null || settings.privacy.epsilon !== null) return;
    const { round, candidates } = evaluate;
    const { evaluated } = memory;
    if (evaluated?.round === round && evaluated.candidates === candidates.object) return;
    const stamp = `${round} ${candidates.object}`;
    const tried = this.#tried.get('evaluation');
    if (tried?.stamp === stamp && nowMs() < tried.againAtMs) return;
    const basis = await this.#basis(wanted);
    if (basis === null || !(await fetcher.need(candidates))) {
      this.context.setProblem('candidates', fetcher.problem(candidates.object));
      return;
    }
    this.context.setProblem('candidates', null);
    const result = await this.#compute('evaluation', stamp, {
      kind: 'evaluation',
      ...this.#work(wanted, backbone),
      round,
      basis,
      candidates: { id: candidates.object, path: folder.path(candidates.object) },
      aliases: wanted.aliases,
    });
    if (!result?.object || this.#isOver(memory)) return;
    memory.version += 1;
    memory.evaluated = {
      round,
      candidates: candidates.object,
      object: result.object,
      epoch: this.context.parts.memory.epoch(),
      version: memory.version,
      queued: false,
    };
    this.context.save();
    await this.#send('evaluation', memory.evaluated, backbone);
  }

  /** Meanwhile another backbone runs, or somebody has ended the sharing. */
  #isOver(memory: TaskMemory): boolean {
    return memory !== this.context.remembered || !this.context.parts.isSharing();
  }

  async #compute(
    kind: RobotObject,
    stamp: string,
    work: FleetWork,
  ): Promise<FleetWorkResult | null> {
    const { compute, nowMs, fetcher } = this.context.parts;
    try {
      const result = await compute(work);
      this.context.setProblem(kind, null);
      return result;
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      if (error.code !== 'HL_FLEET_WORK_STOPPED') this.context.setProblem(kind, error);
      this.#tried.set(kind, { stamp, againAtMs: nowMs() + RETRY_MS });
      const { object } = error.details;
      if (error.code === 'HL_FLEET_OBJECT_DAMAGED' && typeof object === 'string') {
        fetcher.forget(object, error);
      }
      return null;
    }
  }

  /** Null: the basis is on its way. */
  async #basis({ basis }: DesiredTask): Promise<BasisFile | null> {
    const { fetcher, folder } = this.context.parts;
    if (basis === null) return null;
    const { checksum, directions, offer } = basis;
    if (offer === null) return { checksum, directions, file: null };
    const isHere = await fetcher.need(offer);
    this.context.setProblem('basis', fetcher.problem(offer.object));
    if (!isHere) return null;
    const file = { id: offer.object, path: folder.path(offer.object) };
    return { checksum, directions, file };
  }

  #isUsedUp({ releases }: TaskMemory): boolean {
    const { epsilon, releases: limit } = this.context.parts.settings.privacy;
    const isUsedUp = epsilon !== null && releases >= limit;
    this.context.setProblem('privacy', isUsedUp ? usedUp(limit) : null);
    return isUsedUp;
  }

  /** When the next contribution may be made, monotonic milliseconds. */
  #dueMs({ contributedAtMs }: TaskMemory): number {
    if (this.#nextAtMs !== null) return this.#nextAtMs;
    const { intervalMs } = this.context.parts.settings;
    // Any date may be wrong: it never makes the robot wait longer than once the interval.
    const sinceMs = contributedAtMs === null ? intervalMs : Date.now() - contributedAtMs;
    const waitMs = Math.min(intervalMs, Math.max(0, intervalMs - sinceMs));
    this.#nextAtMs = this.#startedMs + waitMs;
    return this.#nextAtMs;
  }

  #stamp(kind: RobotObject, wanted: DesiredTask, { checksum }: RunningBackbone): string {
    const { samples } = this.context.parts.task;
    const { neverShare, minSamplesPerClass, privacy } = this.context.parts.settings;
    return JSON.stringify([
      samples.labelRevision(),
      samples.classGeneration(),
      checksum,
      kind === 'sums' ? (wanted.basis?.checksum ?? null) : null,
      neverShare,
      wanted.local_labels,
      minSamplesPerClass,
      noiseOf(privacy),
    ]);
  }

  #work({ local_labels }: DesiredTask, { checksum, featureSize }: RunningBackbone): WorkBase {
    const { task, databasePath, folder, settings } = this.context.parts;
    return {
      dbPath: databasePath,
      task: task.name,
      samples: task.storeSettings,
      backbone: checksum,
      featureSize,
      outDir: folder.dir,
      neverShare: [...new Set([...settings.neverShare, ...local_labels])],
    };
  }
}

function refusedByHub(message: string): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_REFUSED_BY_HUB',
    `the hub of the fleet did not take what this robot has sent: ${message}`,
    { remedy: 'Look into the log of the hub; use the same backbone and version on all robots.' },
  );
}

function usedUp(limit: number): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_PRIVACY_USED_UP',
    `the ${limit} contributions of fleet.privacy.releases are used up: nothing more is sent`,
    {
      remedy:
        'Nothing needs to be done: the robot still takes heads. Raise fleet.privacy.releases only if the people concerned agree.',
      details: { releases: limit },
    },
  );
}
