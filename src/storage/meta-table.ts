import { DEFAULT_TASK } from '../base/words/task.js';
import type { Database } from './database.js';
import { migrate } from './migrate.js';

/** Never edit a released step; append a new one. */
export const META_TABLES: readonly string[] = [
  'CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID',
];

/**
 * Small values that survive a restart, such as the revision of the last training.
 */
export class Meta {
  constructor(private readonly database: Database) {
    database.whenOpened(() => migrate(database, 'meta', META_TABLES));
  }

  get(key: string): string | null {
    return (
      this.database.prepare<{ value: string }>('SELECT value FROM meta WHERE key = ?').get(key)
        ?.value ?? null
    );
  }

  /** Durable when it returns; null removes the key. */
  set(key: string, value: string | null): void {
    if (value === null) {
      this.database.prepare('DELETE FROM meta WHERE key = ?').run(key);
    } else {
      this.database
        .prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)')
        .run(key, value);
    }
  }
}

/** The part of {@link Meta} that holds the values of one task. */
export type TaskMeta = Pick<Meta, 'get' | 'set'>;

/** Values of the task `main` keep the keys that they had before there were tasks. */
export function taskMeta(meta: Meta, task: string): TaskMeta {
  const keyOf = (key: string): string => (task === DEFAULT_TASK ? key : `${key}.${task}`);
  return {
    get: (key) => meta.get(keyOf(key)),
    set: (key, value) => meta.set(keyOf(key), value),
  };
}
