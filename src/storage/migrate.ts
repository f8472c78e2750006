import { HeadlandError } from '../base/errors.js';
import type { Database } from './database.js';

/**
 * Migrates the tables of one room to the newest version. `steps[n]` is the SQL from version n to
 * n + 1; steps are only ever appended. All missing steps run in one transaction.
 * @throws HeadlandError HL_STORE_NEWER when the tables come from a later headland
 */
export function migrate(database: Database, room: string, steps: readonly string[]): void {
  database.exec(
    'CREATE TABLE IF NOT EXISTS schema_versions (room TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT',
  );
  const read = database.prepare<{ version: number }>(
    'SELECT version FROM schema_versions WHERE room = ?',
  );
  if (read.get(room)?.version === steps.length) return;
  database.transaction(() => {
    const version = read.get(room)?.version ?? 0;
    if (version > steps.length) {
      throw new HeadlandError(
        'HL_STORE_NEWER',
        `${database.path}: the tables of "${room}" have version ${version}; this headland supports versions up to ${steps.length}`,
        {
          remedy:
            'Install the newer headland again, or put a backup from before the update in place of the file.',
          details: { path: database.path, room, version, known: steps.length },
        },
      );
    }
    for (const step of steps.slice(version)) database.exec(step);
    database
      .prepare('INSERT OR REPLACE INTO schema_versions (room, version) VALUES (?, ?)')
      .run(room, steps.length);
  })();
}
