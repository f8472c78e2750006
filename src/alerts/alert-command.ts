import { type ChildProcess, spawn } from 'node:child_process';
import { HeadlandError, messageOf } from '../base/errors.js';
import { pause } from '../base/pause.js';
import type { AlertRuleConfig } from '../config/schema.js';

/** Time between SIGTERM and SIGKILL. */
const GRACE_MS = 1_000;
/** Time to read what a program printed before it ended. */
const READ_MS = 200;
/** What an error quotes of the standard error output. */
const QUOTED_CHARACTERS = 500;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface AlertCommandParts {
  rule: string;
  settings: NonNullable<AlertRuleConfig['command']>;
  /** A run has ended. @param error HL_ALERT_COMMAND_FAILED; null: it succeeded */
  onEnd(error: HeadlandError | null): void;
}

/**
 * The program of a rule: one run at a time, at most one start in `minIntervalMs`, no shell, and an
 * environment that holds nothing of the daemon's. A run is over when the program has ended; children that
 * it leaves behind are ended then. A failure is reported and stops nothing.
 */
export class AlertCommand {
  #run: Promise<void> | null = null;
  #child: ChildProcess | null = null;
  #lastStartMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(private readonly parts: AlertCommandParts) {}

  /**
   * @param facts variables of its environment; a null is left out
   * @param nowMs monotonic time, milliseconds
   * @returns false: it runs still, or was started too short a time ago
   */
  start(facts: Readonly<Record<string, string | null>>, nowMs: number): boolean {
    const { settings, onEnd } = this.parts;
    if (this.#stopped || this.#run || nowMs - this.#lastStartMs < settings.minIntervalMs)
      return false;
    this.#lastStartMs = nowMs;
    this.#run = this.#runOnce(facts).then((error) => {
      this.#run = null;
      if (!this.#stopped) onEnd(error);
    });
    return true;
  }

  /**
   * Runs it for a person who tries it, however short a time ago it has run.
   * @returns HL_ALERT_COMMAND_FAILED; null: it succeeded
   * @throws HeadlandError HL_OUTPUT_BUSY: it runs still
   */
  async try(facts: Readonly<Record<string, string | null>>): Promise<HeadlandError | null> {
    if (this.#stopped || this.#run) throw stillRuns(this.parts.rule);
    const ran = this.#runOnce(facts);
    this.#run = ran.then(() => {
      this.#run = null;
    });
    return ran;
  }

  /** Ends a run; resolves when it is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#child) await endGroup(this.#child);
    await this.#run;
  }

  /** Ends a run at once and synchronously, for the `exit` event of the process. */
  killNow(): void {
    this.#stopped = true;
    if (this.#child) signalGroup(this.#child, 'SIGKILL');
  }

  async #runOnce(facts: Readonly<Record<string, string | null>>): Promise<HeadlandError | null> {
    const { settings } = this.parts;
    const known = Object.entries(facts).filter(([, value]) => value !== null);
    let child: ChildProcess;
    try {
      child = spawn(settings.path, settings.arguments, {
        // A group of its own, so that its children end with it.
        detached: true,
        shell: false,
        cwd: '/',
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { PATH, LANG: 'C.UTF-8', ...Object.fromEntries(known) },
      });
    } catch (error) {
      return this.#failed(messageOf(error));
    }
    this.#child = child;
    const ended = endOf(child);
    const limit = new AbortController();
    const late = await Promise.race([
      ended.then(() => false),
      pause(settings.timeoutMs, limit.signal).then(() => !limit.signal.aborted),
    ]);
    limit.abort();
    if (late) await endGroup(child);
    const { problem, said } = await ended;
    signalGroup(child, 'SIGKILL');
    this.#child = null;
    if (late) return this.#failed(`did not end within ${settings.timeoutMs} ms`);
    return problem === null ? null : this.#failed(`${problem}${said ? `: ${said}` : ''}`);
  }

  #failed(problem: string): HeadlandError {
    const { rule, settings } = this.parts;
    const message = `the command of the rule "${rule}", ${settings.path}, ${problem}`;
    return new HeadlandError('HL_ALERT_COMMAND_FAILED', message, {
      remedy:
        'Correct `command` of the rule: a program that the user of the daemon may run, and that ends with exit code 0 within timeoutMs. Under systemd it sees only what the unit allows, and nothing below /home.',
      details: { rule, path: settings.path },
    });
  }
}

function stillRuns(rule: string): HeadlandError {
  return new HeadlandError('HL_OUTPUT_BUSY', `the command of the rule "${rule}" runs`, {
    remedy: 'Wait until it has ended, then try it again.',
    details: { rule },
  });
}

/** Resolves when the process has ended, whoever still holds its standard error output. */
function endOf(child: ChildProcess): Promise<{ problem: string | null; said: string }> {
  return new Promise((resolve) => {
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-QUOTED_CHARACTERS);
    });
    const end = (problem: string | null): void => {
      child.stderr?.destroy();
      resolve({ problem, said: said.trim() });
    };
    child.once('error', (error) => end(`cannot be started: ${messageOf(error)}`));
    child.once('exit', (code, signal) => {
      // Its children, which nothing would end any more.
      signalGroup(child, 'SIGTERM');
      if (code === 0) end(null);
      const problem = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
      // What it printed may still be in the pipe, which its children may keep open.
      child.stderr?.once('close', () => end(problem));
      setTimeout(() => end(problem), READ_MS);
    });
  });
}

/** SIGTERM to the process and its children, then SIGKILL. */
async function endGroup(child: ChildProcess): Promise<void> {
  const gone = new AbortController();
  child.once('exit', () => gone.abort());
  if (child.exitCode !== null || child.signalCode !== null) gone.abort();
  signalGroup(child, 'SIGTERM');
  await pause(GRACE_MS, gone.signal);
  // Children may outlive a process that has ended.
  signalGroup(child, 'SIGKILL');
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone.
  }
}
