import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HeadlandError } from '../../base/errors.js';
import { endChild } from '../../base/processes/end-child.js';
import { redactText } from '../../base/redact.js';
import { type Finding, failed } from './doctor-check.js';
import type { DoctorRequest } from './doctor-context.js';
import type { DoctorMessage } from './doctor-protocol.js';
import { EVERY_CHECK } from './every-check.js';

const JOB = fileURLToPath(new URL('./doctor-job.js', import.meta.url));
/** Loading Node.js and the configuration, on a slow board. */
const START_LIMIT_MS = 30_000;
const KEPT_ERROR_CHARACTERS = 2_000;

/** What a check has found. */
export interface CheckResult {
  name: string;
  /** At least one. */
  findings: Finding[];
  durationMs: number;
}

export interface RunChecksOptions {
  request: DoctorRequest;
  /** Names of checks; they run in the order of {@link EVERY_CHECK}. */
  checks: readonly string[];
  environment: NodeJS.ProcessEnv;
  /** Called before each check. */
  onBegin?: (name: string) => void;
  /** Ends the run; the results are then those so far. */
  signal?: AbortSignal;
  /** Tests use shorter ones. */
  limitMs?: (name: string) => number;
}

/**
 * Runs checks one after the other in a process of their own. A check that takes too long, or that ends
 * the process, has failed; the others then run in a new process. So nothing that hangs or crashes (a
 * dead network folder, a native library for another processor) can stop the report.
 */
export async function runChecks(options: RunChecksOptions): Promise<CheckResult[]> {
  const left = EVERY_CHECK.map(({ name }) => name).filter((name) => options.checks.includes(name));
  const results: CheckResult[] = [];
  while (left.length > 0 && options.signal?.aborted !== true) {
    const ended = await runSome(left, options);
    results.push(...ended);
    left.splice(0, ended.length);
  }
  return results;
}

/** Runs checks in one process until it ends. @returns the first results, at least one */
function runSome(names: readonly string[], options: RunChecksOptions): Promise<CheckResult[]> {
  const { request, environment, onBegin, limitMs = limitOf } = options;
  const child = fork(JOB, [], {
    env: environment,
    execArgv: process.execArgv,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const results: CheckResult[] = [];
  let lastError = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastError = (lastError + text).slice(-KEPT_ERROR_CHARACTERS);
  });
  return new Promise((resolve) => {
    let running = names[0]!;
    let beganMs = performance.now();
    let over = false;
    const lose = (error: HeadlandError): void => {
      const durationMs = performance.now() - beganMs;
      results.push({ name: running, findings: [failed(error)], durationMs });
    };
    const finish = (): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      resolve(results);
    };
    const late = (limit: number): void => {
      lose(timedOut(running, limit));
      void endChild(child, 0);
      finish();
    };
    let timer = setTimeout(() => late(START_LIMIT_MS), START_LIMIT_MS);
    options.signal?.addEventListener('abort', () => {
      void endChild(child, 0).then(finish);
    });
    const allow = (limit: number): void => {
      clearTimeout(timer);
      timer = setTimeout(() => late(limit), limit);
    };
    child.on('message', (message: DoctorMessage) => {
      if (over) return;
      if (message.type === 'began') {
        running = message.name;
        beganMs = performance.now();
        allow(limitMs(running));
        onBegin?.(running);
        return;
      }
      if (message.type === 'allowed') {
        if (options.limitMs === undefined) allow(message.limitMs);
        return;
      }
      const { name, findings, durationMs } = message;
      results.push({ name, findings, durationMs });
      running = names[results.length] ?? running;
      beganMs = performance.now();
      allow(START_LIMIT_MS);
    });
    whenGone(child, (how) => {
      if (!over && results.length < names.length) lose(crashed(running, how, lastError));
      finish();
    });
    // `close` reports a process that could not be started.
    child.send({ request, checks: [...names] }, () => undefined);
  });
}

/** Calls back once, when the process has ended and its last messages have arrived. */
function whenGone(child: ChildProcess, callback: (how: string) => void): void {
  child.once('error', (error) => {
    if (child.pid === undefined) callback(`could not be started: ${error.message}`);
  });
  child.once('close', (code, signal) => {
    const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
    if (child.connected) child.once('disconnect', () => callback(how));
    else callback(how);
  });
}

function limitOf(name: string): number {
  return EVERY_CHECK.find((entry) => entry.name === name)?.limitMs ?? START_LIMIT_MS;
}

function timedOut(name: string, limitMs: number): HeadlandError {
  return new HeadlandError(
    'HL_DOCTOR_TIMEOUT',
    `the check "${name}" has not ended within ${limitMs / 1_000} s`,
    {
      remedy: `A file, a device or a network folder that it opens hangs: look into the kernel log (\`dmesg\`), correct the path, then run \`headland doctor --only ${name}\`.`,
      details: { limitMs },
    },
  );
}

function crashed(name: string, how: string, output: string): HeadlandError {
  const lines = redactText(output).trimEnd().split('\n');
  return new HeadlandError('HL_DOCTOR_CRASHED', `the process of the check "${name}" ${how}`, {
    remedy:
      'Install headland again, the package for this processor; if it happens again, report it with a support bundle: `headland doctor --bundle FILE`.',
    details: { lastLines: lines.slice(-8) },
  });
}
