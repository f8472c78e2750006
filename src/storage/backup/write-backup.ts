import { renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { temporaryBeside } from '../../base/files/durable-files.js';
import { syncDirectorySync } from '../../base/files/sync-directory.js';
import { sha256Hex } from '../../base/hash.js';
import {
  completeDatabase,
  createDatabase,
  type Database,
  openPresentDatabase,
} from '../database.js';
import { storeError } from '../store-error.js';
import {
  type BackupFile,
  type BackupManifest,
  digestsOf,
  FILES_TABLE,
  MANIFEST_TABLE,
} from './backup-manifest.js';

export interface BackupPlan {
  /** The database, which other processes may write meanwhile. */
  path: string;
  target: string;
  /** Tables whose rows are left out. */
  without: ReadonlySet<string>;
  /** Conditions on rows, by table. */
  where: Readonly<Record<string, string>>;
  files: readonly BackupFile[];
  /** Reads what the manifest says of the copied rows. */
  facts(database: Database): Omit<BackupManifest, 'format' | 'tables'>;
}

interface Entry {
  type: string;
  name: string;
  sql: string;
}

const ENTRIES = `SELECT type, name, sql FROM sqlite_schema
  WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!'`;

/**
 * Copies a database as it is at one moment, and files, into one file with a digest of each table. The file
 * appears when it is complete and on the disk.
 * @throws HeadlandError HL_STORE_…
 */
export function writeBackup(plan: BackupPlan): BackupManifest {
  const { path, target } = plan;
  const source = openPresentDatabase(path);
  const partial = temporaryBeside(target);
  try {
    const entries = source.prepare<Entry>(ENTRIES).all();
    createDatabase(partial, (copy) => makeAll(copy, entries, ['table']));
    copyRows(source, partial, entries, plan);
    completeDatabase(partial, (copy) => {
      makeAll(copy, entries, ['index', 'view', 'trigger']);
      copy.exec(`CREATE TABLE ${FILES_TABLE} (path TEXT PRIMARY KEY, mode INTEGER NOT NULL,
        bytes BLOB NOT NULL) STRICT, WITHOUT ROWID`);
      const add = copy.prepare(`INSERT INTO ${FILES_TABLE} (path, mode, bytes) VALUES (?, ?, ?)`);
      copy.transaction(() => {
        for (const file of plan.files) add.run(file.path, file.mode, file.bytes);
      })();
    });
    const manifest = completeDatabase(partial, (copy) => addManifest(copy, partial, plan));
    renameSync(partial, target);
    syncDirectorySync(dirname(target));
    return manifest;
  } catch (error) {
    rmSync(partial, { force: true });
    throw storeError(error, target);
  } finally {
    source.close();
  }
}

function copyRows(
  source: Database,
  target: string,
  entries: readonly Entry[],
  { without, where }: BackupPlan,
): void {
  source.exec(`PRAGMA foreign_keys = OFF; ATTACH '${target.replaceAll("'", "''")}' AS copy`);
  source.exec('PRAGMA copy.journal_mode = OFF; PRAGMA copy.synchronous = OFF');
  // Everything is read as it is when the first table is.
  source.exec('BEGIN');
  try {
    for (const { type, name } of entries) {
      if (type !== 'table' || without.has(name)) continue;
      const condition = where[name];
      const rows = condition === undefined ? '' : ` WHERE ${condition}`;
      source.exec(`INSERT INTO copy."${name}" SELECT * FROM main."${name}"${rows}`);
    }
    source.exec(`DELETE FROM copy.sqlite_sequence;
      INSERT INTO copy.sqlite_sequence SELECT * FROM main.sqlite_sequence`);
    source.exec('COMMIT');
  } finally {
    if (source.inTransaction) source.exec('ROLLBACK');
  }
  source.exec('DETACH copy');
}

function makeAll(copy: Database, entries: readonly Entry[], types: readonly string[]): void {
  for (const entry of entries) if (types.includes(entry.type)) copy.exec(entry.sql);
}

function addManifest(copy: Database, path: string, plan: BackupPlan): BackupManifest {
  const manifest: BackupManifest = { format: 1, ...plan.facts(copy), tables: digestsOf(path) };
  const text = JSON.stringify(manifest);
  copy.exec(`CREATE TABLE ${MANIFEST_TABLE} (id INTEGER PRIMARY KEY, content TEXT NOT NULL,
    sha256 TEXT NOT NULL) STRICT`);
  copy
    .prepare(`INSERT INTO ${MANIFEST_TABLE} (id, content, sha256) VALUES (1, ?, ?)`)
    .run(text, sha256Hex(text));
  return manifest;
}
