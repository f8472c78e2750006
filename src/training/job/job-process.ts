import { type ChildProcess, spawn } from 'node:child_process';
import { HeadlandError, type SerialisedError } from '../../base/errors.js';
import type { JobResult } from '../report.js';
import type { JobMessage, JobSettings, TrainerMessage, TrainingProgress } from './job-protocol.js';
import { lowPriorityCommand } from './low-priority.js';

/** After SIGTERM the job has this long; it needs none, all it wrote is durable. */
const KILL_AFTER_MS = 2_000;
const STDERR_LINES = 20;
const STDERR_MAX_CHARACTERS = 8_192;

export interface JobOptions {
  /** The program. */
  path: string;
  nice: number;
  maxOldSpaceMegabytes: number;
  maxDurationMs: number;
  settings: JobSettings;
  onProgress: (progress: TrainingProgress) => void;
  /** A warning that the job wrote, and its fields. */
  onWarning?: (fields: Record<string, unknown>, message: string) => void;
}

/** How the job ended: with a result, or with the error that says why there is none. */
export type JobEnd = { result: JobResult; error: null } | { result: null; error: SerialisedError };

export interface JobHandle {
  readonly pid: number | undefined;
  /** SIGTERM, and SIGKILL two seconds later. */
  stop(): void;
  readonly ended: Promise<JobEnd>;
}

/** Starts the training program in a process of its own, at the lowest priority. */
export async function startJob(options: JobOptions): Promise<JobHandle> {
  const command = [
    ...(await lowPriorityCommand(options.nice)),
    process.execPath,
    `--max-old-space-size=${options.maxOldSpaceMegabytes}`,
    options.path,
  ];
  const child = spawn(command[0] as string, command.slice(1), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: jobEnvironment(process.env),
  });
  const timers: NodeJS.Timeout[] = [];
  const end = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  const ended = watch(child, options, timers);
  send(child, { type: 'start', settings: options.settings });
  return {
    pid: child.pid,
    stop: () => {
      end('SIGTERM');
      timers.push(setTimeout(end, KILL_AFTER_MS, 'SIGKILL'));
    },
    ended,
  };
}

/** What the job needs and nothing else: no proxy, no preload, no secret reaches it. */
export function jobEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const wanted = (name: string): boolean =>
    ['PATH', 'HOME', 'TMPDIR'].includes(name) ||
    (name.startsWith('HEADLAND_') && name !== 'HEADLAND_MODEL_MIRRORS');
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => wanted(name))),
    ORT_DISABLE_TELEMETRY: '1',
  };
}

function watch(
  child: ChildProcess,
  options: JobOptions,
  timers: NodeJS.Timeout[],
): Promise<JobEnd> {
  return new Promise((resolve) => {
    let said: JobEnd | null = null;
    let timedOut = false;
    let stderr = '';
    const finish = (end: JobEnd): void => {
      timers.forEach(clearTimeout);
      resolve(end);
    };
    timers.push(
      setTimeout(() => {
        timedOut = true;
        child.kill('SIGKILL');
      }, options.maxDurationMs),
    );
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_MAX_CHARACTERS);
    });
    child.on('message', (message: JobMessage) => {
      if (message.type === 'outcome') said = { result: message.result, error: null };
      else if (message.type === 'error') said = { result: null, error: message.error };
      else {
        const { phase, done, total, etaSeconds } = message;
        options.onProgress({ phase, done, total, etaSeconds });
      }
    });
    child.on('error', (error) => {
      // Also emitted when a kill or a message fails; then `close` still comes.
      if (child.pid === undefined) finish({ result: null, error: notStarted(error) });
    });
    child.on('close', (code, signal) => {
      for (const { msg, ...fields } of warningsIn(stderr)) options.onWarning?.(fields, msg);
      const settle = (): void => {
        // What it said before it ended counts even if it stumbled on its way out.
        if (said) finish(said);
        else if (timedOut) finish({ result: null, error: timeOut(options.maxDurationMs) });
        else finish({ result: null, error: crash(code, signal, stderr) });
      };
      // Its last words may still be in the channel when its end is noticed.
      if (child.connected) child.once('disconnect', settle);
      else settle();
    });
  });
}

/** The log lines among the last things that a job wrote, without time and level. */
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

function send(child: ChildProcess, message: TrainerMessage): void {
  // A job that is already dead is reported by `close`.
  child.send(message, () => undefined);
}

function notStarted(error: Error): SerialisedError {
  return new HeadlandError(
    'HL_TRAINING_CRASHED',
    `the training could not start: ${error.message}`,
    {
      remedy: 'Look at free memory and the limit of processes (TasksMax), then train again.',
    },
  ).toJSON();
}

function timeOut(maxDurationMs: number): SerialisedError {
  return new HeadlandError(
    'HL_TRAINING_TIMED_OUT',
    `the training was ended after ${Math.round(maxDurationMs / 1000)} s`,
    {
      remedy: 'Train again: features are kept, it continues. Or raise training.maxDurationMs.',
      details: { maxDurationMs },
    },
  ).toJSON();
}

function crash(code: number | null, signal: string | null, stderr: string): SerialisedError {
  const lines = stderr.trimEnd().split('\n').slice(-STDERR_LINES);
  const outOfMemory = signal === 'SIGKILL' || stderr.includes('heap out of memory');
  return new HeadlandError(
    'HL_TRAINING_CRASHED',
    `the training process ended with ${signal === null ? `exit code ${code}` : signal}`,
    {
      remedy: outOfMemory
        ? 'It probably ran out of memory: free some, or change training.maxOldSpaceMegabytes.'
        : 'Look at the last lines it wrote (details.stderr), then train again.',
      details: { exitCode: code, signal, stderr: lines },
    },
  ).toJSON();
}
