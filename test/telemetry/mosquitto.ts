import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { accepts, freePort } from '../ports.js';

const UP_ATTEMPTS = 400;
const UP_INTERVAL_MS = 25;
const COMMAND =
  ['mosquitto', '/usr/sbin/mosquitto'].find((c) => spawnSync(c, ['-h']).error === undefined) ??
  null;

/** For `test(…, { skip })`: false when a real mosquitto can be run. */
export const withoutMosquitto: string | false =
  COMMAND === null ? 'mosquitto is missing: apt-get install mosquitto' : false;

/**
 * Makes a file with the password of one user, which the broker may read as a user of its own.
 * @returns the option of the broker that names it
 */
export function passwordFile(path: string, user: string, password: string): string {
  execFileSync('mosquitto_passwd', ['-b', '-c', path, user, password], { stdio: 'ignore' });
  chmodSync(path, 0o644);
  chmodSync(dirname(path), 0o755);
  return `password_file ${path}`;
}

/** A real broker on a random loopback port, with its configuration in a folder of its own. */
export class Mosquitto {
  readonly port: number;
  readonly url: string;
  readonly #dir: string;
  #process: ChildProcess | null = null;
  /** What the broker has logged; with `log_type …` in the extra configuration. */
  log = '';

  private constructor(
    dir: string,
    port: number,
    /** Of all its listeners, which it opens one after another. */
    private readonly ports: readonly number[],
  ) {
    this.#dir = dir;
    this.port = port;
    this.url = `mqtt://127.0.0.1:${port}`;
  }

  /** Ends with the test. */
  static async start(t: TestContext, extraConfig: string[] = []): Promise<Mosquitto> {
    const broker = await Mosquitto.open(extraConfig);
    t.after(() => broker.stop());
    return broker;
  }

  /** The caller ends it. */
  static async open(extraConfig: string[] = []): Promise<Mosquitto> {
    const dir = await mkdtemp(join(tmpdir(), 'headland-mosquitto-'));
    const port = await freePort();
    const others = extraConfig.flatMap((line) => /^listener (\d+)/.exec(line)?.[1] ?? []);
    const broker = new Mosquitto(dir, port, [port, ...others.map(Number)]);
    const config = [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'persistence false',
      'log_dest stderr',
      ...(extraConfig.some((line) => line.startsWith('log_type')) ? [] : ['log_type none']),
      'max_queued_messages 0',
      ...extraConfig,
    ];
    await writeFile(join(dir, 'mosquitto.conf'), `${config.join('\n')}\n`);
    try {
      await broker.up();
      return broker;
    } catch (error) {
      await broker.stop();
      throw error;
    }
  }

  async up(): Promise<void> {
    const child = spawn(COMMAND!, ['-c', join(this.#dir, 'mosquitto.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.log += text;
    });
    this.#process = child;
    for (let attempt = 0; attempt < UP_ATTEMPTS; attempt++) {
      const open = await Promise.all(this.ports.map(accepts));
      if (open.every(Boolean)) return;
      await sleep(UP_INTERVAL_MS);
    }
    throw new Error('mosquitto does not listen');
  }

  /** As a crash: no goodbye to anybody. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const running = this.#process;
    this.#process = null;
    if (!running || running.exitCode !== null) return;
    const exited = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    await exited;
  }

  /** As a link that hangs: connected, but nothing comes any more. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
