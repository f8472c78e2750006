import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BackupManifest, readManifest } from '../../storage/backup/backup-manifest.js';
import type { StoreWitnesses } from '../../storage/salvage/examine-store.js';

/** Ending of the names of automatic backups; before it stands their number. */
const BACKUP_NAME = /^(\d{6,})-.*\.backup$/;

export interface StoredBackup {
  path: string;
  /** Ascending: the clock of a robot may be set back. */
  number: number;
  manifest: BackupManifest;
}

/** Automatic backups that say what they hold, the newest first. */
export function listBackups(folder: string): StoredBackup[] {
  return numbersIn(folder)
    .sort((one, other) => other.number - one.number)
    .flatMap(({ path, number }) => {
      const { manifest } = readManifest(path);
      return manifest === null ? [] : [{ path, number, manifest }];
    });
}

/** The number after that of every file in the folder, readable or not. */
export function nextBackupNumber(folder: string): number {
  return Math.max(0, ...numbersIn(folder).map(({ number }) => number)) + 1;
}

/** What stands beside a database. Never throws: what cannot be read tells nothing. */
export function witnessesOf(stateDir: string, backupFolder: string): StoreWitnesses {
  const newest = firstBackup(backupFolder);
  return {
    headRevision: newestHeadRevision(join(stateDir, 'heads')),
    backup: newest && {
      storeId: newest.manifest.storeId,
      labelRevision: newest.manifest.labelRevision,
    },
  };
}

function firstBackup(folder: string): StoredBackup | null {
  for (const { path, number } of numbersIn(folder).sort((a, b) => b.number - a.number)) {
    const { manifest } = readManifest(path);
    if (manifest !== null) return { path, number, manifest };
  }
  return null;
}

function numbersIn(folder: string): { path: string; number: number }[] {
  return namesIn(folder).flatMap((name) => {
    const number = BACKUP_NAME.exec(name)?.[1];
    return number === undefined ? [] : [{ path: join(folder, name), number: Number(number) }];
  });
}

/** Null: there is no head. A head whose card is damaged shows that there were labels. */
function newestHeadRevision(heads: string): number | null {
  let newest: number | null = null;
  for (const folder of [heads, ...namesIn(heads).map((task) => join(heads, task))]) {
    for (const version of namesIn(folder).filter((name) => /^\d+$/.test(name))) {
      newest = Math.max(newest ?? 0, revisionIn(join(folder, version, 'card.json')));
    }
  }
  return newest;
}

function revisionIn(path: string): number {
  try {
    const card: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const revision =
      typeof card === 'object' && card !== null && 'labelRevision' in card ? card.labelRevision : 0;
    return typeof revision === 'number' && Number.isSafeInteger(revision) ? revision : 0;
  } catch {
    return 0;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Where automatic backups are. */
export function backupFolderOf(config: {
  paths: { stateDir: string };
  backup: { folder: string | null };
}): string {
  return config.backup.folder ?? join(config.paths.stateDir, 'backups');
}
