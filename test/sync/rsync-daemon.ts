import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { endChild } from '../../src/base/processes/end-child.js';
import { freePort } from '../ports.js';
import { temporaryFolder } from '../temporary-folder.js';

export const PASSWORD = 'kanarie-rsync-7f3a9c';

/** Why tests with rsync are skipped; false: they run. */
export const withoutRsync =
  spawnSync('rsync', ['--version']).status === 0 ? false : 'rsync is not installed';

export interface RsyncDaemon {
  port: number;
  /** Folder of the module "farm", for the user "robot". */
  root: string;
  password: string;
}

/** A real rsync daemon on loopback. @param root folder that it serves */
export async function startRsyncDaemon(
  t: Pick<TestContext, 'after'>,
  root = join(temporaryFolder(t), 'served'),
): Promise<RsyncDaemon> {
  const folder = temporaryFolder(t);
  mkdirSync(root, { recursive: true });
  const log = join(folder, 'rsyncd.log');
  const secrets = join(folder, 'secrets');
  writeFileSync(secrets, `robot:${PASSWORD}\n`);
  chmodSync(secrets, 0o600);
  const isRoot = process.getuid?.() === 0;
  const config = join(folder, 'rsyncd.conf');
  writeFileSync(
    config,
    [
      `pid file = ${join(folder, 'pid')}`,
      'use chroot = no',
      ...(isRoot ? ['uid = root', 'gid = root'] : []),
      '[farm]',
      `path = ${root}`,
      'read only = no',
      'auth users = robot',
      `secrets file = ${secrets}`,
      '[readonly]',
      `path = ${root}`,
      'read only = yes',
    ].join('\n'),
  );
  const port = await freePort();
  const child = spawn(
    'rsync',
    [
      '--daemon',
      '--no-detach',
      '--address=127.0.0.1',
      `--port=${port}`,
      `--config=${config}`,
    ].concat(`--log-file=${log}`),
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  t.after(() => endChild(child, 2_000));
  await listening(log, child);
  return { port, root, password: PASSWORD };
}

/** Resolves when the daemon has written that it listens. */
async function listening(log: string, child: { once(event: 'exit', then: () => void): unknown }) {
  const tail = spawn('tail', ['-F', '-n', '+1', log], { stdio: ['ignore', 'pipe', 'ignore'] });
  child.once('exit', () => tail.kill());
  try {
    for await (const line of createInterface({ input: tail.stdout })) {
      if (/listening on port/.test(line)) return;
    }
    throw new Error(
      `rsync did not start: ${existsSync(log) ? readFileSync(log, 'utf8') : 'no log'}`,
    );
  } finally {
    tail.kill();
  }
}
