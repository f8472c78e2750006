import { type ChildProcess, spawn } from 'node:child_process';
import { HeadlandError, type SerialisedError } from '../../base/errors.js';
import { endChild } from '../../base/processes/end-child.js';
import type { JobResult } from '../report.js';
import type { JobMessage, JobSettings, StepProgress, TrainerMessage } from './job-protocol.js';
import { lowPriorityCommand } from './low-priority.js';

/**
 * Time that the job has after SIGTERM. It needs none, because everything that it wrote is durable.
 */
const KILL_AFTER_MS = 2_000;
const STDERR_LINES = 20;
const STDERR_MAX_CHARACTERS = 8_192;

export interface JobOptions<S = JobSettings> {
  /** The program. */
  path: string;
  nice: number;
  maxOldSpaceMegabytes: number;
  /** Without pauses. */
  maxDurationMs: number;
  settings: S;
  onProgress: (progress: StepProgress) => void;
  /** A warning that the job wrote, and its fields. */
  onWarning?: (fields: Record<string, unknown>, message: string) => void;
}

/** The end of a job: with a result, or with the error that explains why there is none. */
export type JobEnd<R = JobResult> =
  | { result: R; error: null }
  | { result: null; error: SerialisedError };

export interface JobHandle<R = JobResult> {
  readonly pid: number | undefined;
  /** SIGTERM, and SIGKILL two seconds later. */
  stop(): void;
  /** The job waits after its current step; the time does not count. */
  pause(): void;
  resume(): void;
  readonly ended: Promise<JobEnd<R>>;
}

/** Starts the training program in its own process, which leaves the processor to others. */
export async function startJob<S = JobSettings, R = JobResult>(
  options: JobOptions<S>,
): Promise<JobHandle<R>> {
  const priority = await lowPriorityCommand(options.nice);
  const courteous = options.nice > 0 && priority.length === 0;
  const command = [
    ...priority,
    process.execPath,
    `--max-old-space-size=${options.maxOldSpaceMegabytes}`,
    options.path,
    String(process.pid),
  ];
  const child = spawn(command[0] as string, command.slice(1), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: jobEnvironment(process.env),
  });
  const timeLimit = new TimeLimit(options.maxDurationMs);
  const ended = watch<R>(child, options, timeLimit);
  send<S>(child, { type: 'start', settings: options.settings, courteous });
  return {
    pid: child.pid,
    stop: () => void endChild(child, KILL_AFTER_MS),
    pause: () => {
      timeLimit.stop();
      send(child, { type: 'pause' });
    },
    resume: () => {
      timeLimit.start();
      send(child, { type: 'resume' });
    },
    ended,
  };
}

/** A time limit whose clock can be stopped. */
class TimeLimit {
  #leftMs: number;
  #startedMs: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isOver = false;
  #onOver: () => void = () => {};

  constructor(limitMs: number) {
    this.#leftMs = limitMs;
  }

  onOver(listener: () => void): void {
    this.#onOver = listener;
  }

  start(): void {
    if (this.#isOver || this.#startedMs !== null) return;
    this.#startedMs = performance.now();
    this.#timer = setTimeout(() => this.#onOver(), Math.max(0, this.#leftMs));
  }

  stop(): void {
    if (this.#startedMs === null) return;
    this.#leftMs -= performance.now() - this.#startedMs;
    this.#startedMs = null;
    if (this.#timer) clearTimeout(this.#timer);
  }

  /** For ever: a job that has ended may still be resumed, and a timer would keep the process alive. */
  end(): void {
    this.stop();
    this.#isOver = true;
  }
}

/** The environment of the job: no proxy, preload or secret reaches it. */
export function jobEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const wanted = (name: string): boolean =>
    ['PATH', 'HOME', 'TMPDIR'].includes(name) ||
    (name.startsWith('HEADLAND_') && name !== 'HEADLAND_MODEL_MIRRORS');
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => wanted(name))),
    ORT_DISABLE_TELEMETRY: '1',
  };
}

function watch<R>(
  child: ChildProcess,
  options: Pick<JobOptions, 'maxDurationMs' | 'onProgress' | 'onWarning'>,
  timeLimit: TimeLimit,
): Promise<JobEnd<R>> {
  return new Promise((resolve) => {
    let said: JobEnd<R> | null = null;
    let timedOut = false;
    let stderr = '';
    timeLimit.onOver(() => {
      timedOut = true;
      void endChild(child, 0);
    });
    timeLimit.start();
    const finish = (end: JobEnd<R>): void => {
      timeLimit.end();
      resolve(end);
    };
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_MAX_CHARACTERS);
    });
    child.on('message', (message: JobMessage<R>) => {
      if (message.type === 'outcome') said = { result: message.result, error: null };
      else if (message.type === 'error') said = { result: null, error: message.error };
      else {
        const { phase, done, total, etaSeconds } = message;
        options.onProgress({ phase, done, total, etaSeconds });
      }
    });
    child.on('error', (error) => {
      // Also emitted when a kill or a message fails; `close` still follows then.
      if (child.pid === undefined) finish({ result: null, error: notStarted(error) });
    });
    child.on('close', (code, signal) => {
      for (const { msg, ...fields } of warningsIn(stderr)) options.onWarning?.(fields, msg);
      const settle = (): void => {
        // The result that it sent counts even if the process failed afterwards.
        if (said) finish(said);
        else if (timedOut) finish({ result: null, error: timeOut(options.maxDurationMs) });
        else finish({ result: null, error: crash(code, signal, stderr) });
      };
      // The last messages may still be in the channel when the exit is noticed.
      if (child.connected) child.once('disconnect', settle);
      else settle();
    });
  });
}

/** The log lines among the last output of a job, without time and level. */
function warningsIn(stderr: string): { msg: string; [field: string]: unknown }[] {
  return stderr.split('\n').flatMap((line) => {
    try {
      const { time: _, level: __, ...entry } = JSON.parse(line) as Record<string, unknown>;
      return typeof entry.msg === 'string' ? [{ ...entry, msg: entry.msg }] : [];
    } catch {
      return [];
    }
  });
}

function send<S>(child: ChildProcess, message: TrainerMessage<S>): void {
  // `close` reports a job that is already dead. One that could not start has no channel.
  if (typeof child.send === 'function') child.send(message, () => undefined);
}

function notStarted(error: Error): SerialisedError {
  return new HeadlandError(
    'HL_TRAINING_CRASHED',
    `the training could not start: ${error.message}`,
    {
      remedy:
        'Free memory, or raise the limit of processes (TasksMax in the systemd unit), then train again.',
    },
  ).toJSON();
}

function timeOut(maxDurationMs: number): SerialisedError {
  return new HeadlandError(
    'HL_TRAINING_TIMED_OUT',
    `the training was ended after ${Math.round(maxDurationMs / 1000)} s (training.maxDurationMs)`,
    {
      remedy:
        'Train again: it goes on with the features that are kept. If that is not enough, raise training.maxDurationMs.',
      details: { maxDurationMs },
    },
  ).toJSON();
}

function crash(code: number | null, signal: string | null, stderr: string): SerialisedError {
  const lines = stderr.trimEnd().split('\n').slice(-STDERR_LINES);
  const remedy = stderr.includes('heap out of memory')
    ? 'Raise training.maxOldSpaceMegabytes: the training ran out of it.'
    : signal === 'SIGKILL'
      ? 'Free memory, then train again: the kernel probably ended the training for lack of it.'
      : 'Look at the last lines that it wrote (stderr in details), then train again.';
  return new HeadlandError(
    'HL_TRAINING_CRASHED',
    `the training process ended with ${signal === null ? `exit code ${code}` : signal}`,
    {
      remedy,
      details: { exitCode: code, signal, stderr: lines },
    },
  ).toJSON();
}
