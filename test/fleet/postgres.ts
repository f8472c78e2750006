import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../ports.js';

const DEBIAN = '/usr/lib/postgresql';

/** Folder of the server's programs; null: it is not installed. */
function binaries(): string | null {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort().reverse() : [];
  const folders = [...versions.map((version) => join(DEBIAN, version, 'bin')), '/usr/local/bin'];
  return folders.find((folder) => existsSync(join(folder, 'initdb'))) ?? null;
}

const BIN = binaries();
/** Folder of the server's programs. */
export const POSTGRES_PROGRAMS = BIN ?? '';

/** For `test(…, { skip })`: false when a real PostgreSQL can be run. */
export const withoutPostgres: string | false =
  BIN === null ? 'PostgreSQL is missing: apt-get install postgresql' : false;

/** The server refuses to run as root. */
export function userOfPostgres(): { uid: number; gid: number } | Record<string, never> {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres']).toString());
  return { uid: id('-u'), gid: id('-g') };
}

/** A real PostgreSQL on a loopback port, with a cluster of its own in a temporary folder. */
export class Postgres {
  readonly url: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #user = userOfPostgres();
  #process: ChildProcess | null = null;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
    this.url = `postgres://headland@127.0.0.1:${port}/postgres`;
  }

  /** Ends with the test, or with all tests of a file. */
  static async start(t: { after(stop: () => Promise<void>): void }): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), 'headland-postgres-'));
    const server = new Postgres(folder, await freePort());
    t.after(() => server.stop());
    server.#init();
    await server.up();
    return server;
  }

  #init(): void {
    const data = join(this.#folder, 'data');
    mkdirSync(data, { mode: 0o700 });
    chmodSync(this.#folder, 0o755);
    const { uid, gid } = this.#user;
    if (uid !== undefined && gid !== undefined) chownSync(data, uid, gid);
    execFileSync(
      join(POSTGRES_PROGRAMS, 'initdb'),
      ['-D', data, '-U', 'headland', '--auth=trust', '-E', 'UTF8', '--no-sync'],
      { stdio: 'ignore', ...this.#user, env: { ...process.env, LC_ALL: 'C' } },
    );
  }

  async up(): Promise<void> {
    const data = join(this.#folder, 'data');
    this.#process = spawn(
      join(POSTGRES_PROGRAMS, 'postgres'),
      [
        '-D',
        data,
        '-p',
        String(this.#port),
        '-h',
        '127.0.0.1',
        '-k',
        '',
        '-c',
        'max_connections=60',
      ],
      { stdio: 'ignore', ...this.#user, env: { ...process.env, LC_ALL: 'C' } },
    );
    for (let attempt = 0; attempt < 400; attempt++) {
      if (this.#answers()) return;
      await sleep(50);
    }
    throw new Error('PostgreSQL does not answer');
  }

  /** Makes a database. @returns its address */
  database(name: string): string {
    const where = ['-h', '127.0.0.1', '-p', String(this.#port), '-U', 'headland'];
    execFileSync(join(POSTGRES_PROGRAMS, 'createdb'), [...where, name], { stdio: 'ignore' });
    return this.url.replace(/postgres$/, name);
  }

  #answers(): boolean {
    try {
      const where = ['-h', '127.0.0.1', '-p', String(this.#port), '-q'];
      execFileSync(join(POSTGRES_PROGRAMS, 'pg_isready'), where);
      return true;
    } catch {
      return false;
    }
  }

  /** SIGQUIT: as a crash, without checkpoint. */
  async kill(signal: 'SIGQUIT' | 'SIGINT' = 'SIGQUIT'): Promise<void> {
    const running = this.#process;
    this.#process = null;
    if (!running || running.exitCode !== null) return;
    const exited = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    await exited;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
