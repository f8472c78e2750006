import { existsSync } from 'node:fs';
import { sha256Hex } from '../../base/hash.js';
import type { Config } from '../../config/schema.js';
import { findBackupDamage } from '../../storage/backup/backup-manifest.js';
import { inspectDatabase } from '../../storage/inspect-database.js';
import { DatabasePages } from '../../storage/salvage/database-pages.js';
import { StoredSchema } from '../../storage/salvage/schema-rows.js';
import { needsRepair } from '../../storage/store-error.js';
import { databasePathOf } from '../lifetime/state-folder.js';
import { damageOf } from './examine-state.js';
import { backupFolderOf, listBackups } from './witnesses.js';

export interface StateVerification {
  /** What is wrong with the database, one sentence each. */
  database: string[];
  /** Automatic backups, the newest first, each with what is wrong. */
  backups: { path: string; createdAt: string; labels: number; problems: string[] }[];
}

/**
 * Reads every page of the database, every picture and every automatic backup. Changes nothing.
 * @param inUse a daemon runs, whose log is not looked at
 */
export function verifyState(config: Config, inUse: boolean): StateVerification {
  const path = databasePathOf(config);
  const backups = listBackups(backupFolderOf(config)).map((backup) => ({
    path: backup.path,
    createdAt: backup.manifest.createdAt,
    labels: backup.manifest.labels,
    problems: findBackupDamage(backup.path),
  }));
  return { database: databaseProblems(config, path, inUse), backups };
}

function databaseProblems(config: Config, path: string, inUse: boolean): string[] {
  const damage = inUse ? null : damageOf(config);
  if (damage !== null) return [damage.message];
  if (!existsSync(path)) return [];
  try {
    const inspected = inspectDatabase(path, { inUse });
    if (inspected === 'interrupted') return [];
    return inspected.damage.length > 0 ? inspected.damage : damagedPictures(path, inUse);
  } catch (error) {
    if (needsRepair(error)) return [error.message];
    throw error;
  }
}

/** Damage within a picture breaks no rule of the file. */
function damagedPictures(path: string, inUse: boolean): string[] {
  // The log moves into the file while another process writes.
  if (inUse) return [];
  const pages = new DatabasePages(path);
  try {
    const schema = new StoredSchema(pages);
    const digests = new Map<unknown, unknown>();
    const columns = sampleColumns(schema);
    if (columns === null) return [];
    for (const row of schema.rows('samples')) digests.set(row[0], row[columns]);
    let damaged = 0;
    for (const [id, bytes] of schema.rows('pictures')) {
      const known = digests.get(id);
      if (known !== undefined && bytes instanceof Uint8Array && sha256Hex(bytes) !== known) {
        damaged += 1;
      }
    }
    return damaged === 0 ? [] : [`${damaged} pictures are not as they were stored`];
  } finally {
    pages.close();
  }
}

/** Place of the digest of the picture in a row of `samples`; null: it is not where it is known to be. */
function sampleColumns(schema: StoredSchema): number | null {
  const [row] = schema.rows('samples');
  const at = row?.findIndex((value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value));
  return at === undefined || at < 0 ? null : at;
}
