import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { HeadlandError } from '../../base/errors.js';
import { inheritOwner } from '../../base/files/inherit-owner.js';
import { makeFolderSync } from '../../base/files/make-folder.js';
import { syncDirectorySync } from '../../base/files/sync-directory.js';
import {
  type BackupFile,
  type BackupManifest,
  filesIn,
  findBackupDamage,
  readManifest,
} from '../../storage/backup/backup-manifest.js';
import { createDatabase } from '../../storage/database.js';
import { LOSS_TOLD, STORE_ID } from '../../storage/salvage/examine-store.js';
import { replaceDatabase, replacementOf } from '../../storage/salvage/set-aside.js';
import { rebuildStore, refuseWithoutRoom } from './repair-store.js';

export interface RestorePlan {
  file: string;
  stateDir: string;
  path: string;
}

export interface RestoreReport {
  manifest: BackupManifest;
  /** Folder of what was there before; null: there was nothing. */
  before: string | null;
  labels: number;
  samples: number;
  heads: number;
}

/** What a restoration replaces, besides the database. */
const REPLACED = ['heads', 'settings-changes.json'];
const DATABASE_PARTS = ['', '-wal', '-shm'];

/**
 * Puts the state of a backup in the place of that of a robot, which moves into a folder beside it. No other
 * process may use the state.
 * @throws HeadlandError HL_BACKUP_INVALID, HL_STORE_…: nothing has changed
 */
export function restoreState({ file, stateDir, path }: RestorePlan): RestoreReport {
  const manifest = wholeManifest(file);
  refuseWithoutRoom(path, 'the backup', statSync(file).size);
  makeFolderSync(stateDir, 0o700);
  const staged = join(stateDir, '.restoring');
  rmSync(staged, { recursive: true, force: true });
  const target = replacementOf(path);
  const partial = `${target}-partial`;
  rmSync(partial, { force: true });
  try {
    const files = filesIn(file);
    makeFolderSync(staged, 0o700);
    for (const each of files) writeFile(staged, each);
    const counts = createDatabase(partial, (database) => {
      rebuildStore(database, [{ path: file, take: 'all', isBackup: false }]);
      // Newer backups of this robot are no reason to undo what a person wanted.
      const set = database.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)');
      set.run(STORE_ID, randomUUID());
      set.run(LOSS_TOLD, String(manifest.labelRevision));
      return database
        .prepare<{ labels: number; samples: number }>(
          'SELECT count(label) AS labels, count(*) AS samples FROM task_samples',
        )
        .get()!;
    });
    const before = moveAway(stateDir, path);
    for (const name of REPLACED) {
      if (existsSync(join(staged, name))) renameSync(join(staged, name), join(stateDir, name));
    }
    renameSync(partial, target);
    replaceDatabase(path);
    const heads = files.filter((each) => each.path.endsWith('/card.json')).length;
    return { manifest, before, heads, ...counts };
  } finally {
    rmSync(partial, { force: true });
    rmSync(staged, { recursive: true, force: true });
  }
}

/** @throws HeadlandError HL_BACKUP_INVALID */
export function wholeManifest(file: string): BackupManifest {
  if (!existsSync(file)) throw invalidBackup(file, 'there is no such file');
  const { manifest, problem } = readManifest(file);
  if (manifest === null) throw invalidBackup(file, problem);
  const [damage] = findBackupDamage(file);
  if (damage !== undefined) throw invalidBackup(file, damage);
  return manifest;
}

function invalidBackup(file: string, problem: string): HeadlandError {
  return new HeadlandError('HL_BACKUP_INVALID', `${file}: ${problem}`, {
    remedy:
      'Use another backup: `headland backup` writes one, and `headland verify FILE` tells whether one is whole.',
    details: { file },
  });
}

function moveAway(stateDir: string, path: string): string | null {
  const database = path.slice(stateDir.length + 1);
  const names = [...DATABASE_PARTS.map((ending) => `${database}${ending}`), ...REPLACED].filter(
    (name) => existsSync(join(stateDir, name)),
  );
  if (names.length === 0) return null;
  let number = 1;
  while (existsSync(join(stateDir, `before-restore-${number}`))) number += 1;
  const folder = join(stateDir, `before-restore-${number}`);
  makeFolderSync(folder, 0o700);
  for (const name of names) renameSync(join(stateDir, name), join(folder, name));
  syncDirectorySync(folder);
  syncDirectorySync(stateDir);
  return folder;
}

function writeFile(folder: string, { path, mode, bytes }: BackupFile): void {
  const name = normalize(path);
  // A backup may come from anywhere.
  if (!REPLACED.some((root) => name === root || name.startsWith(`${root}/`))) return;
  const target = join(folder, name);
  makeFolderSync(dirname(target));
  const descriptor = openSync(target, 'wx', 0o600);
  try {
    inheritOwner(descriptor, target);
    writeFileSync(descriptor, bytes);
    fchmodSync(descriptor, mode & 0o777);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
