import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../fleet/hub-fixture.js';
import { POSTGRES_PROGRAMS, userOfPostgres } from '../../fleet/postgres.js';
import { HANG_MS } from '../../liveness.js';
import { freePort } from '../../ports.js';
import { changed, shipped } from './fleet-files.js';

/** A PostgreSQL from the files of deploy/fleet/fleet/postgresql, on a loopback port. */
export class FleetDatabase {
  readonly #folder = mkdtempSync(join(tmpdir(), 'headland-database-'));
  readonly #user = userOfPostgres();
  #process: ChildProcess | null = null;

  private constructor(readonly port: number) {}

  /**
   * Ends with the test.
   * @param authority folder of certificates.sh, with a certificate db
   * @param password of the hubs
   */
  static async start(
    t: { after(stop: () => Promise<void>): void },
    authority: string,
    password: string,
  ): Promise<FleetDatabase> {
    const database = new FleetDatabase(await freePort());
    t.after(() => database.stop());
    database.#install(authority);
    await database.#up();
    const { status, stderr } = database.define(password);
    if (status !== 0) throw new Error(stderr);
    return database;
  }

  /** Runs database.sql. */
  define(password: string): { status: number | null; stderr: string } {
    const file = join(this.#folder, 'password');
    writeFileSync(file, password);
    this.#give(file, 0o600);
    return this.#psql(shipped('postgresql/database.sql'), file);
  }

  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = null;
    if (running !== null && running.exitCode === null) {
      const exited = once(running, 'exit');
      running.kill('SIGQUIT');
      await exited;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** As docs/guides/fleet.md says, in a folder instead of /, with the main configuration of initdb. */
  #install(authority: string): void {
    const etc = join(this.#folder, 'etc');
    const data = join(this.#folder, 'data');
    chmodSync(this.#folder, 0o755);
    for (const folder of [etc, data]) mkdirSync(folder);
    this.#give(data, 0o700);
    const run = { stdio: 'ignore' as const, ...this.#user, env: { ...process.env, LC_ALL: 'C' } };
    const as = ['-D', data, '-U', 'postgres', '-E', 'UTF8', '--no-sync'];
    execFileSync(join(POSTGRES_PROGRAMS, 'initdb'), as, run);
    for (const name of ['db.crt', 'db.key']) {
      copyFileSync(join(authority, name), join(etc, name));
      this.#give(join(etc, name), 0o600);
    }
    const fragment = changed(shipped('postgresql/headland.conf'), [
      ["listen_addresses = '*'", "listen_addresses = '127.0.0.1'"],
      ['/etc/postgresql/headland/', `${etc}/`],
    ]);
    writeFileSync(join(etc, 'headland.conf'), fragment);
    appendFileSync(join(data, 'postgresql.conf'), `\ninclude '${join(etc, 'headland.conf')}'\n`);
    // Without root, the user of the computer is the administrator.
    const owner = userOfPostgres().uid === undefined ? execFileSync('id', ['-un']) : 'postgres';
    const map = `headland ${owner.toString().trim()} postgres\n`;
    writeFileSync(join(etc, 'ident'), map);
    const rules = changed(shipped('postgresql/pg_hba.conf'), [
      ['postgres           peer\n', 'postgres           peer map=headland\n'],
    ]);
    writeFileSync(join(etc, 'pg_hba.conf'), rules);
  }

  async #up(): Promise<void> {
    const etc = join(this.#folder, 'etc');
    const settings = [
      `port=${this.port}`,
      `unix_socket_directories=${join(this.#folder, 'data')}`,
      `hba_file=${join(etc, 'pg_hba.conf')}`,
      `ident_file=${join(etc, 'ident')}`,
    ];
    const log: Buffer[] = [];
    const child = spawn(
      join(POSTGRES_PROGRAMS, 'postgres'),
      ['-D', join(this.#folder, 'data'), ...settings.flatMap((each) => ['-c', each])],
      { stdio: ['ignore', 'ignore', 'pipe'], ...this.#user, env: { ...process.env, LC_ALL: 'C' } },
    );
    child.stderr.on('data', (text: Buffer) => log.push(text));
    this.#process = child;
    await until(
      'PostgreSQL answers',
      () => {
        if (child.exitCode !== null) throw new Error(Buffer.concat(log).toString());
        return this.#psql('SELECT 1').status === 0;
      },
      HANG_MS,
    );
  }

  #psql(commands: string, passwordFile = ''): { status: number | null; stderr: string } {
    const where = ['-h', join(this.#folder, 'data'), '-p', String(this.port), '-U', 'postgres'];
    const { status, stderr } = spawnSync(
      join(POSTGRES_PROGRAMS, 'psql'),
      ['-X', '-q', ...where, '-f', '-', 'postgres'],
      {
        ...this.#user,
        input: commands,
        encoding: 'utf8',
        env: { ...process.env, PASSWORD_FILE: passwordFile },
      },
    );
    return { status, stderr };
  }

  #give(path: string, mode: number): void {
    const { uid, gid } = this.#user;
    if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
    chmodSync(path, mode);
  }
}
