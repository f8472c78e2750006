import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../test/ports.js';

const UP_ATTEMPTS = 400;
const UP_INTERVAL_MS = 25;

/** A real mosquitto on a loopback port, which keeps nothing. */
export class MosquittoProcess {
  #process: ChildProcess | null = null;

  private constructor(
    readonly port: number,
    private readonly folder: string,
  ) {}

  static async start(): Promise<MosquittoProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'headland-broker-'));
    const broker = new MosquittoProcess(await freePort(), folder);
    writeFileSync(
      join(folder, 'mosquitto.conf'),
      `listener ${broker.port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\nmax_queued_messages 0\n`,
    );
    await broker.up();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async up(): Promise<void> {
    this.#process = spawn('mosquitto', ['-c', join(this.folder, 'mosquitto.conf')], {
      stdio: 'ignore',
      env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin` },
    });
    for (let attempt = 0; attempt < UP_ATTEMPTS; attempt++) {
      if (await accepts(this.port)) return;
      await wait(UP_INTERVAL_MS);
    }
    throw new Error('mosquitto does not listen');
  }

  /** Without a goodbye to anybody. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = null;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const exited = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await exited;
  }

  /** Connected, but nothing comes any more. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
