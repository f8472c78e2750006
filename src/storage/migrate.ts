import { HeadlandError } from '../base/errors.js';
import type { Database } from './database.js';

const READ_VERSION = 'SELECT version FROM schema_versions WHERE room = ?';

/**
 * Migrates the tables of one room to the newest version. `steps[n]` is the SQL from version n to
 * n + 1; steps are only ever appended. All missing steps run in one transaction. Meanwhile foreign
 * keys are not enforced, because SQLite would empty the tables that refer to one that a step
 * replaces. Must not be called within a transaction.
 * @throws HeadlandError HL_STORE_NEWER when the tables come from a later headland
 */
export function migrate(database: Database, room: string, steps: readonly string[]): void {
  database.exec(
    'CREATE TABLE IF NOT EXISTS schema_versions (room TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT',
  );
  const read = database.prepare<{ version: number }>(READ_VERSION);
  if (read.get(room)?.version === steps.length) return;
  // SQLite ignores this pragma within a transaction.
  database.exec('PRAGMA foreign_keys = OFF');
  try {
    runSteps(database, room, steps);
  } finally {
    database.exec('PRAGMA foreign_keys = ON');
  }
}

function runSteps(database: Database, room: string, steps: readonly string[]): void {
  const read = database.prepare<{ version: number }>(READ_VERSION);
  database.transaction(() => {
    const version = read.get(room)?.version ?? 0;
    if (version > steps.length) {
      throw newerTables(database.path, room, version, steps.length);
    }
    for (const step of steps.slice(version)) database.exec(step);
    database
      .prepare('INSERT OR REPLACE INTO schema_versions (room, version) VALUES (?, ?)')
      .run(room, steps.length);
  })();
}

/** The error for tables from a later headland. @param known the newest version that this one supports */
export function newerTables(
  path: string,
  room: string,
  version: number,
  known: number,
): HeadlandError {
  return new HeadlandError(
    'HL_STORE_NEWER',
    `${path}: the tables of "${room}" have version ${version}; this headland supports versions up to ${known}`,
    {
      remedy:
        'Install the newer headland again, or put a backup from before the update in place of the file.',
      details: { path, room, version, known },
    },
  );
}
