import { randomBytes } from 'node:crypto';
import { lstat, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../base/files/make-folder.js';
import { isAlive, parseProcessStat } from '../base/processes/process-table.js';

const PREFIX = '.pull-';

/** A model that was just written belongs to no process for a few milliseconds, until the switch. */
const ORPHAN_AGE_MS = 3_600_000;

/**
 * Makes a private folder for a pull, on the disk of the cache. Its name identifies this process, so
 * that {@link removeLeftovers} can distinguish a dead pull from a running one.
 */
export async function createWorkFolder(parent: string): Promise<string> {
  const started = (await startTicks(process.pid)) ?? '0';
  const name = `${PREFIX}${process.pid}-${started}-${randomBytes(6).toString('hex')}`;
  const path = join(parent, name);
  await makeFolder(path, 0o700);
  return path;
}

/** Removes what killed pulls left behind; running pulls and cached models stay. */
export async function removeLeftovers(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  const targets = await Promise.all(
    names.map((name) => readlink(join(parent, name)).catch(() => '')),
  );
  for (const name of names) {
    const path = join(parent, name);
    if (!name.startsWith('.') || targets.includes(name)) continue;
    const owner = /^\.pull-([0-9]+)-([0-9]+)-/.exec(name);
    const abandoned = owner
      ? !(await isRunning(Number(owner[1]), owner[2] as string))
      : await isOlderThan(path, ORPHAN_AGE_MS);
    if (abandoned) await rm(path, { recursive: true, force: true });
  }
}

async function isRunning(pid: number, started: string): Promise<boolean> {
  const now = await startTicks(pid);
  return now === null ? isAlive(pid) : now === started;
}

/** In either direction: a clock that was set back would keep what it left behind for ever. */
async function isOlderThan(path: string, ageMs: number): Promise<boolean> {
  const info = await lstat(path).catch(() => null);
  return info !== null && Math.abs(Date.now() - info.mtimeMs) > ageMs;
}

/** See {@link ProcessStat}; null: there is no such process. */
async function startTicks(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return parseProcessStat(text)?.startTicks ?? null;
}
