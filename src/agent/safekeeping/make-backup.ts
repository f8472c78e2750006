import { randomUUID } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { HeadlandError } from '../../base/errors.js';
import { makeFolderSync } from '../../base/files/make-folder.js';
import { diskFreeBytes } from '../../host/board-readings.js';
import {
  type BackupFile,
  type BackupManifest,
  FILES_TABLE,
  filesIn,
} from '../../storage/backup/backup-manifest.js';
import { writeBackup } from '../../storage/backup/write-backup.js';
import { type Database, openPresentDatabase } from '../../storage/database.js';
import { DatabasePages } from '../../storage/salvage/database-pages.js';
import { identityIn, STORE_ID } from '../../storage/salvage/examine-store.js';
import { StoredSchema } from '../../storage/salvage/schema-rows.js';
import { countsIn } from './repair-store.js';
import { listBackups, nextBackupNumber } from './witnesses.js';

export interface BackupPlan {
  path: string;
  stateDir: string;
  /** Version of headland. */
  version: string;
  folder: string;
  keep: number;
  /** Of all automatic backups together. */
  maxBytes: number;
  /** Free bytes that must be left on the disk. */
  minFreeBytes: number;
}

export interface BackupResult {
  /** Null: nothing has changed since the newest backup. */
  path: string | null;
  bytes: number;
  /** Older backups that were removed. */
  removed: number;
}

/** Messages that wait would be sent twice, and links for pairing be valid again. */
const NEVER_IN_BACKUPS = ['telemetry_outbox', 'pairings'];

/** Files of the state folder that a backup holds, besides `heads`. */
const SINGLE_FILES = ['settings-changes.json'];

/**
 * Makes an automatic backup unless nothing has changed since the newest one, and removes the oldest beyond
 * the limits. It leaves out pictures and the features of augmented views.
 * @throws HeadlandError HL_BACKUP_NO_ROOM, HL_STORE_…
 */
export function makeBackup(plan: BackupPlan): BackupResult {
  const { path, stateDir, folder } = plan;
  makeFolderSync(folder, 0o700);
  removePartial(folder);
  const known = listBackups(folder);
  const files = stateFiles(stateDir);
  if (known[0] && isUnchanged(path, known[0], files)) return { path: null, bytes: 0, removed: 0 };
  refuseWithoutRoom(plan, known[0]?.path ?? path);
  const number = String(nextBackupNumber(folder)).padStart(6, '0');
  const moment = new Date().toISOString().replaceAll(/[:-]/g, '').slice(0, 15);
  const target = join(folder, `${number}-${moment}Z.backup`);
  backUp({ path, target, version: plan.version, pictures: false, files });
  const removed = removeOldest(plan, target);
  return { path: target, bytes: statSync(target).size, removed };
}

/** Writes everything, also pictures, to one file. @throws HeadlandError HL_STORE_… */
export function backUpEverything(plan: {
  path: string;
  stateDir: string;
  target: string;
  version: string;
}): BackupManifest {
  const { path, stateDir, target, version } = plan;
  return backUp({ path, target, version, pictures: true, files: stateFiles(stateDir) });
}

function backUp(plan: {
  path: string;
  target: string;
  version: string;
  pictures: boolean;
  files: BackupFile[];
}): BackupManifest {
  const { path, target, version, pictures, files } = plan;
  nameStore(path);
  return writeBackup({
    path,
    target,
    without: new Set([...NEVER_IN_BACKUPS, ...(pictures ? [] : ['pictures'])]),
    // Of a thinned sample nothing can compute the views again.
    where: pictures
      ? {}
      : { features: 'view = 0 OR sample_id IN (SELECT id FROM samples WHERE picture_bytes = 0)' },
    files,
    facts: (database) => factsOf(database, version, pictures),
  });
}

function factsOf(database: Database, headland: string, pictures: boolean) {
  const storeId = database
    .prepare<{ value: string }>('SELECT value FROM meta WHERE key = ?')
    .get(STORE_ID)?.value;
  const revision = database
    .prepare<{ n: number }>(
      `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'label_history'), 0) AS n`,
    )
    .get()!.n;
  const createdAt = new Date().toISOString();
  const counts = countsIn(database);
  return {
    headland,
    createdAt,
    storeId: storeId ?? '',
    labelRevision: revision,
    labels: counts.labels,
    samples: counts.samples,
    pictures,
  };
}

/** An identity that goes with the database wherever it is copied. */
function nameStore(path: string): void {
  const database = openPresentDatabase(path);
  try {
    database
      .prepare('INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)')
      .run(STORE_ID, randomUUID());
  } finally {
    database.close();
  }
}

/** The heads and the settings of the page, without what is unfinished or damaged. */
function stateFiles(stateDir: string): BackupFile[] {
  const found: BackupFile[] = [];
  const add = (path: string): void => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory()) {
      for (const name of readdirSync(path).sort()) {
        if (!name.startsWith('.') && !/\.corrupt(?:-\d+)?$/.test(name)) add(join(path, name));
      }
    } else if (stats?.isFile()) {
      const name = relative(stateDir, path).split(sep).join('/');
      found.push({ path: name, mode: stats.mode & 0o777, bytes: readFileSync(path) });
    }
  };
  for (const name of ['heads', ...SINGLE_FILES]) add(join(stateDir, name));
  return found;
}

function isUnchanged(
  path: string,
  { path: backup, manifest }: { path: string; manifest: BackupManifest },
  files: readonly BackupFile[],
): boolean {
  const pages = new DatabasePages(path);
  try {
    const schema = new StoredSchema(pages);
    const { storeId, labelRevision } = identityIn(schema);
    if (storeId !== manifest.storeId || labelRevision !== manifest.labelRevision) return false;
    let samples = 0;
    for (const _ of schema.rows('task_samples')) samples += 1;
    if (samples !== manifest.samples) return false;
  } finally {
    pages.close();
  }
  if (manifest.tables[FILES_TABLE]?.rows !== files.length) return false;
  const before = new Map(filesIn(backup).map((file) => [file.path, file.bytes]));
  return files.every(
    ({ path: name, bytes }) =>
      before.get(name)?.length === bytes.length && Buffer.from(before.get(name)!).equals(bytes),
  );
}

/** @throws HeadlandError HL_BACKUP_NO_ROOM */
function refuseWithoutRoom({ folder, minFreeBytes }: BackupPlan, like: string): void {
  const free = diskFreeBytes(folder);
  const needed = statSync(like).size + minFreeBytes;
  if (free === null || free >= needed) return;
  throw new HeadlandError(
    'HL_BACKUP_NO_ROOM',
    `${folder}: a backup needs about ${needed} free bytes, and there are ${free}`,
    {
      remedy:
        'Free space on this disk, set backup.folder to a folder on another one, or lower samples.minFreeBytes.',
      details: { folder, neededBytes: needed, freeBytes: free },
    },
  );
}

/** Keeps the newest, whatever its size. */
function removeOldest({ folder, keep, maxBytes }: BackupPlan, newest: string): number {
  let bytes = 0;
  let removed = 0;
  listBackups(folder).forEach(({ path }, i) => {
    bytes += statSync(path).size;
    if (basename(path) === basename(newest) || (i < keep && bytes <= maxBytes)) return;
    rmSync(path, { force: true });
    removed += 1;
  });
  return removed;
}

/** What an interrupted backup has left. */
function removePartial(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith('.') && name.endsWith('.tmp')) rmSync(join(folder, name), { force: true });
  }
}
