import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { CLI } from '../../agent/daemon.js';
import { HANG_MS } from '../../liveness.js';
import { type Field, NOBODY, type Robot, type Settings } from './field.js';
import { checkSaid, type Said, type Situation, saidIn } from './scenario.js';

export type LogLine = Record<string, unknown>;

/** A daemon that ends, or logs a code, when it starts; and what its remedy says. */
export interface StartScenario extends Situation {
  settings?: Settings;
  given?(robot: Robot): unknown;
  asNobody?: boolean;
  /** Does something once the daemon runs, where the start alone shows no trouble. */
  meanwhile?(daemon: Running): unknown;
  follow(robot: Robot, said: Said): unknown;
  /** In the log of the next start this says that the trouble is over; else `ready` does. */
  over?(line: LogLine): boolean;
  /** What else has to work then. */
  proof?(daemon: Running, robot: Robot): unknown;
  after?(robot: Robot): unknown;
  skip?: string | false;
}

/** `headland run` of a robot, with everything it prints. */
export class Running {
  readonly lines: LogLine[] = [];
  output = '';
  readonly #child: ChildProcess;

  constructor(robot: Robot, asNobody = false) {
    this.#child = spawn(process.execPath, [CLI, 'run', '--config', robot.configFile], {
      cwd: robot.dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(asNobody && NOBODY),
    });
    let rest = '';
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        const parts = (rest + text).split('\n');
        rest = parts.pop()!;
        for (const part of parts) if (part.startsWith('{')) this.lines.push(JSON.parse(part));
        this.#child.emit('printed');
      });
    }
  }

  /** Waits until it has printed what is wanted, or has ended. */
  async until<T>(wanted: () => T | undefined | null): Promise<T> {
    const deadline = AbortSignal.timeout(HANG_MS);
    for (;;) {
      deadline.throwIfAborted();
      const found = wanted();
      if (found !== undefined && found !== null) return found;
      if (!this.#runs) break;
      const turn = new AbortController();
      const signal = AbortSignal.any([deadline, turn.signal]);
      await Promise.race([
        once(this.#child, 'printed', { signal }),
        once(this.#child, 'close', { signal }),
      ]).finally(() => turn.abort());
    }
    const last = wanted();
    if (last !== undefined && last !== null) return last;
    throw new Error(`it is not in what the daemon printed:\n${this.output.slice(-4_000)}`);
  }

  logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    return this.until(() => this.lines.find(matches));
  }

  /** A code as the log has it, or as the command line prints it when the daemon does not start. */
  said(code: string): Promise<Said> {
    return this.until(() => {
      const line = this.lines.find((each) => each.code === code);
      if (line === undefined) {
        const said = saidIn(this.output, code);
        // The remedy is a line of its own, and may come a little later.
        return said?.remedy === null && this.#runs ? null : said;
      }
      return {
        code,
        message: String(line.msg),
        remedy: (line.remedy as string | undefined) ?? null,
      };
    });
  }

  get #runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async stop(): Promise<void> {
    if (!this.#runs) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await closed;
  }
}

export async function tryStart(field: Field, scenario: StartScenario): Promise<void> {
  const robot = field.robot(scenario.settings ?? {});
  try {
    await scenario.given?.(robot);
    const failing = new Running(robot, scenario.asNobody);
    let said: Said;
    try {
      if (scenario.meanwhile) {
        await failing.logged(({ msg }) => msg === 'ready');
        await scenario.meanwhile(failing);
      }
      said = await failing.said(scenario.code);
    } finally {
      await failing.stop();
    }
    checkSaid(scenario, said);
    await scenario.follow(robot, said);
    await isOver(robot, scenario);
  } finally {
    await scenario.after?.(robot);
  }
}

async function isOver(robot: Robot, scenario: StartScenario): Promise<void> {
  const { over = ({ msg }: LogLine) => msg === 'ready' } = scenario;
  const daemon = new Running(robot, scenario.asNobody);
  try {
    await daemon.logged(over);
    await scenario.proof?.(daemon, robot);
    assert.ok(!daemon.output.includes(scenario.code), daemon.output);
  } finally {
    await daemon.stop();
  }
}
