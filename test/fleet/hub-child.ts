import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../src/cli/headland.js', import.meta.url));

/** `headland fleet serve` in a process of its own. */
export class HubChild {
  readonly #folder = mkdtempSync(join(tmpdir(), 'headland-hub-'));
  readonly config: string;
  #process: ChildProcess | null = null;
  log = '';
  /** All that it has logged, over all its starts. */
  history = '';
  /** Ends that nobody asked for. */
  readonly deaths: string[] = [];

  /** @param settings of the configuration file, as JSON, which is YAML */
  constructor(settings: object) {
    this.config = join(this.#folder, 'hub.yaml');
    writeFileSync(this.config, JSON.stringify(settings));
  }

  /** Of the running process; null: none runs. */
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  /** Starts it; resolves when its API listens. @returns address of the API */
  async up(): Promise<string> {
    const child = spawn(process.execPath, [PROGRAM, 'fleet', 'serve', '--config', this.config], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    return new Promise((resolve, reject) => {
      const read = (text: string): void => {
        this.history += text;
        // What a killed process said last comes after the start of the next one.
        if (this.#process !== child) return;
        this.log += text;
        const url = /"url":"(https?:[^"]+)","page/.exec(this.log)?.[1];
        if (url !== undefined) resolve(url);
      };
      child.stdout.setEncoding('utf8').on('data', read);
      child.stderr.setEncoding('utf8').on('data', read);
      child.once('exit', (code, signal) => {
        const end = `the hub ended with ${code ?? signal}: ${this.log}`;
        if (this.#process === child) {
          this.#process = null;
          this.deaths.push(end);
        }
        reject(new Error(end));
      });
    });
  }

  /** Address of the API, as the newest line of the log tells it. */
  get url(): string {
    const [, url] = [...this.log.matchAll(/"url":"(https?:[^"]+)","page/g)].at(-1) ?? [];
    if (url === undefined) throw new Error(`no address: ${this.log}`);
    return url;
  }

  /** Lets it read its configuration again, changed or not. */
  reload(settings: object): void {
    writeFileSync(this.config, JSON.stringify(settings));
    this.#process?.kill('SIGHUP');
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<number | null> {
    const running = this.#process;
    this.#process = null;
    this.log = '';
    if (!running || running.exitCode !== null) return running?.exitCode ?? null;
    const exited = new Promise<number | null>((resolve) => running.once('exit', resolve));
    running.kill(signal);
    return exited;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
