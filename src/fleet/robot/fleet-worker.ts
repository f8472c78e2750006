import { fileURLToPath } from 'node:url';
import { deserialiseError, HeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { type JobHandle, startJob } from '../../training/job/job-process.js';
import type { FleetWork, FleetWorkResult } from './job/fleet-job-protocol.js';

export interface FleetWorkerOptions {
  nice: number;
  maxOldSpaceMegabytes: number;
  maxDurationMs: number;
  log: Log;
}

/** Computes for the fleet in a process of the lowest priority, one work at a time. */
export class FleetWorker {
  #job: JobHandle<FleetWorkResult> | null = null;
  #isPaused = false;
  #isStopped = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: FleetWorkerOptions) {}

  /**
   * @throws HeadlandError HL_FLEET_WORK_FAILED, HL_FLEET_WORK_STOPPED after {@link stop}, and what the work
   *   itself throws
   */
  compute(work: FleetWork): Promise<FleetWorkResult> {
    const result = this.#last.then(() => this.#compute(work));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** The work waits after its current step, or goes on. */
  pause(paused: boolean): void {
    if (paused === this.#isPaused) return;
    this.#isPaused = paused;
    if (paused) this.#job?.pause();
    else this.#job?.resume();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#job?.stop();
    await this.#last;
  }

  async #compute(work: FleetWork): Promise<FleetWorkResult> {
    if (this.#isStopped) throw stopped();
    const { nice, maxOldSpaceMegabytes, maxDurationMs, log } = this.options;
    const job = await startJob<FleetWork, FleetWorkResult>({
      path: fileURLToPath(new URL('./job/fleet-job.js', import.meta.url)),
      nice,
      maxOldSpaceMegabytes,
      maxDurationMs,
      settings: work,
      onProgress: () => {},
      onWarning: (fields, message) => log.warn({ work: work.kind, ...fields }, message),
    });
    this.#job = job;
    if (this.#isPaused) job.pause();
    if (this.#isStopped) job.stop();
    const { result, error } = await job.ended;
    this.#job = null;
    if (result) return result;
    if (this.#isStopped) throw stopped();
    throw /^HL_TRAINING_(CRASHED|TIMED_OUT)$/.test(error.code)
      ? failed(work, error.message, error.details)
      : deserialiseError(error);
  }
}

function stopped(): HeadlandError {
  return new HeadlandError('HL_FLEET_WORK_STOPPED', 'headland is stopping', {
    remedy: 'Start headland again: it computes again what the hub of the fleet wants.',
  });
}

function failed(
  { kind }: FleetWork,
  message: string,
  details: Record<string, unknown>,
): HeadlandError {
  return new HeadlandError('HL_FLEET_WORK_FAILED', `the ${kind} for the fleet failed: ${message}`, {
    remedy:
      'Free memory, or raise training.maxOldSpaceMegabytes and training.maxDurationMs; the robot tries again by itself.',
    details,
  });
}
