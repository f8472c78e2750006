import { statSync } from 'node:fs';
import { Database } from './database.js';
import { openForReading } from './sqlite-connection.js';
import { storeError } from './store-error.js';

/** The newest entries of the tables that tell what a robot did. */
export interface Records {
  /** Whole reports of trainings, newest first. */
  reports: unknown[];
  /** Entries of the audit log, newest first. */
  audit: unknown[];
}

/**
 * Reads reports and audit entries without changing the file or its folder. Entries that only an
 * interrupted process has in its log are missing.
 * @param options.inUse a running daemon has the file open
 * @throws HeadlandError HL_STORE_…
 */
export function readRecords(
  path: string,
  { inUse, limit }: { inUse: boolean; limit: number },
): Records {
  try {
    statSync(path);
    const connection = openForReading(path, !inUse);
    try {
      const database = new Database(path, connection);
      return {
        reports: database
          .prepare<{ body: string }>('SELECT body FROM reports ORDER BY sequence DESC LIMIT ?')
          .all(limit)
          .map(({ body }): unknown => JSON.parse(body)),
        audit: database
          .prepare<{ at_ms: number; kind: string; detail: string }>(
            'SELECT at_ms, kind, detail FROM audit ORDER BY sequence DESC LIMIT ?',
          )
          .all(limit)
          .map(({ at_ms: atMs, kind, detail }) => ({ atMs, kind, detail: JSON.parse(detail) })),
      };
    } finally {
      connection.native.close();
    }
  } catch (error) {
    throw storeError(error, path);
  }
}
