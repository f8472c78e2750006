import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { changed, shipped } from './fleet-files.js';

const PROGRAM = fileURLToPath(new URL('../../../src/cli/headland.js', import.meta.url));
/** A test does not wait as long as a fleet. JSON is YAML. */
const SOON = [
  'learning: {"basisDirections": "all", "roundIntervalMs": 1000, "settleMs": 200, "roundTimeoutMs": 3000}',
  'rollout: {"stageMs": 0}',
  'tickMs: 100',
  'log: {"format": "json"}',
];

export interface HubPlace {
  /** The name that is the host name elsewhere: all hubs of a test are on one computer. */
  replica: string;
  /** Folder of certificates.sh. */
  authority: string;
  /** Of the three nodes, `mqtts://…`. */
  brokers: readonly string[];
  databasePort: number;
  password: string;
}

/** What LoadCredential= of the shipped unit passes: name, and path of the file. */
export function credentials(): [string, string][] {
  return [...shipped('headland-hub.service').matchAll(/^LoadCredential=([^:]+):(.+)$/gm)].map(
    ([, name = '', path = '']) => [name, path],
  );
}

/** `headland fleet serve` from hub.yaml, with the credentials of headland-hub.service. */
export class FleetHub {
  readonly #folder = mkdtempSync(join(tmpdir(), 'headland-fleet-hub-'));
  #process: ChildProcess | null = null;
  #log = '';

  constructor(readonly place: HubPlace) {
    const { replica, authority, brokers, databasePort, password } = place;
    const own = join(this.#folder, 'etc');
    const passed = join(this.#folder, 'credentials');
    for (const folder of [own, passed]) mkdirSync(folder);
    for (const name of ['ca.crt', 'hub.crt', 'hub.key']) {
      copyFileSync(join(authority, name), join(own, name));
    }
    writeFileSync(join(own, 'postgres-password'), `${password}\n`, { mode: 0o600 });
    for (const [name, path] of credentials()) {
      copyFileSync(join(own, basename(path)), join(passed, name));
    }
    const text = changed(shipped('hub.yaml'), [
      ...brokers.map((url, at) => [`mqtts://mq${at + 1}:8883`, url] as const),
      ['headland@db/', `headland@localhost:${databasePort}/`],
      ['/etc/headland/hub/', `${own}/`],
      ['port: 8790', 'port: 0'],
    ]);
    writeFileSync(this.#config, [text, `replica: ${replica}`, ...SOON, ''].join('\n'));
  }

  get #config(): string {
    return join(this.#folder, 'hub.yaml');
  }

  /** Resolves when its API listens. */
  up(): Promise<string> {
    const child = spawn(process.execPath, [PROGRAM, 'fleet', 'serve', '--config', this.#config], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CREDENTIALS_DIRECTORY: join(this.#folder, 'credentials') },
    });
    this.#process = child;
    return new Promise((resolve, reject) => {
      const read = (text: string): void => {
        this.#log += text;
        const url = /"url":"(https?:[^"]+)","page/.exec(this.#log)?.[1];
        if (url !== undefined) resolve(url);
      };
      child.stdout.setEncoding('utf8').on('data', read);
      child.stderr.setEncoding('utf8').on('data', read);
      child.once('exit', (code) => reject(new Error(`the hub ended with ${code}: ${this.#log}`)));
    });
  }

  /** Runs `headland fleet …`, as the guide says. @returns what it prints */
  command(...args: string[]): string {
    return execFileSync(process.execPath, [PROGRAM, 'fleet', ...args, '--config', this.#config], {
      encoding: 'utf8',
      env: { ...process.env, CREDENTIALS_DIRECTORY: join(this.#folder, 'etc') },
    });
  }

  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = null;
    if (running === null || running.exitCode !== null) return;
    const exited = once(running, 'exit');
    running.kill('SIGKILL');
    await exited;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
