import type { Database } from '../storage/database.js';
import { migrate } from '../storage/migrate.js';

/** Never edit a released step; append a new one. */
export const SYNC_TABLES: readonly string[] = [
  `
  CREATE TABLE sync_targets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    address TEXT NOT NULL UNIQUE,
    passed_at_ms INTEGER,
    error TEXT
  ) STRICT;

  -- No foreign key to samples: a row of a removed sample goes at the next full search.
  CREATE TABLE sync_samples (
    target_id INTEGER NOT NULL REFERENCES sync_targets (id) ON DELETE CASCADE,
    sample_id TEXT NOT NULL,
    picture_bytes INTEGER NOT NULL,
    file TEXT,
    sent_digest TEXT,
    due INTEGER NOT NULL CHECK (due IN (0, 1)),
    PRIMARY KEY (target_id, sample_id),
    CHECK ((file IS NULL) = (sent_digest IS NULL))
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sync_samples_due ON sync_samples (target_id, sample_id) WHERE due = 1;

  CREATE TABLE sync_allowance (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    bytes INTEGER NOT NULL,
    saved_at_ms INTEGER NOT NULL
  ) STRICT;
  `,
];

/** What is known about one sample at one target. */
export interface SyncRow {
  sampleId: string;
  pictureBytes: number;
  /** Name of the acknowledged picture; null: none was acknowledged. */
  file: string | null;
  /** Digest of the acknowledged metadata; null: none. */
  sentDigest: string | null;
  /** Must be sent, or sent again. */
  due: boolean;
}

export interface SyncTotals {
  /** Samples of which the target has picture and metadata. */
  sent: number;
  /** Samples to send, or whose metadata changed. */
  due: number;
  /** Size of the pictures to send. */
  dueBytes: number;
}

export interface SyncOutcome {
  /** Unix time of the last pass that ended without an error, milliseconds. */
  passedAtMs: number | null;
  /** Why the last pass failed, as JSON; null: it did not. */
  error: string | null;
}

interface Columns extends Omit<SyncRow, 'due'> {
  due: number;
}

const COLUMNS = `sample_id AS sampleId, picture_bytes AS pictureBytes, file,
  sent_digest AS sentDigest, due`;

/**
 * What each target has acknowledged and what it must still get. Writes are durable when a method
 * returns. Every method throws HL_STORE_… as {@link Database} does.
 */
export class SyncTable {
  /** Counts openings of the file: what was read before one may be outdated after it. */
  generation = 0;

  /** @throws HeadlandError HL_STORE_NEWER when the tables come from a later headland */
  constructor(private readonly database: Database) {
    database.whenOpened(() => {
      migrate(database, 'sync', SYNC_TABLES);
      this.generation += 1;
    });
  }

  /** Runs `work` as one durable transaction. */
  transaction(work: () => void): void {
    this.database.transaction(work)();
  }

  /** Id of the target at an address; a new one has acknowledged nothing. */
  targetOf(address: string): number {
    const read = this.database.prepare<{ id: number }>(
      'SELECT id FROM sync_targets WHERE address = ?',
    );
    const known = read.get(address);
    if (known) return known.id;
    return this.database.prepare('INSERT INTO sync_targets (address) VALUES (?)').run(address)
      .lastInsertRowid;
  }

  /** Rows with `afterId` < sample id <= `lastId`, by sample id. */
  between(target: number, afterId: string, lastId: string): Map<string, SyncRow> {
    const rows = this.database
      .prepare<Columns>(
        `SELECT ${COLUMNS} FROM sync_samples
         WHERE target_id = ? AND sample_id > ? AND sample_id <= ?`,
      )
      .all(target, afterId, lastId);
    return new Map(rows.map((row) => [row.sampleId, toRow(row)]));
  }

  get(target: number, sampleId: string): SyncRow | null {
    const row = this.database
      .prepare<Columns>(`SELECT ${COLUMNS} FROM sync_samples WHERE target_id = ? AND sample_id = ?`)
      .get(target, sampleId);
    return row ? toRow(row) : null;
  }

  put(target: number, row: SyncRow): void {
    this.database
      .prepare(
        `INSERT OR REPLACE INTO sync_samples
           (target_id, sample_id, picture_bytes, file, sent_digest, due)
         VALUES (?, ?, ?, ?, ?, ?)`,
      )
      .run(target, row.sampleId, row.pictureBytes, row.file, row.sentDigest, Number(row.due));
  }

  remove(target: number, sampleId: string): void {
    this.database
      .prepare('DELETE FROM sync_samples WHERE target_id = ? AND sample_id = ?')
      .run(target, sampleId);
  }

  /** Removes all rows with a larger sample id. */
  removeAfter(target: number, sampleId: string): void {
    this.database
      .prepare('DELETE FROM sync_samples WHERE target_id = ? AND sample_id > ?')
      .run(target, sampleId);
  }

  /** Forgets everything that a target acknowledged: it gets all samples again. */
  forget(target: number): void {
    this.database.prepare('DELETE FROM sync_samples WHERE target_id = ?').run(target);
  }

  /** At most `limit` due rows with a larger sample id, oldest sample first. */
  due(target: number, afterId: string, limit: number): SyncRow[] {
    return this.database
      .prepare<Columns>(
        `SELECT ${COLUMNS} FROM sync_samples
         WHERE target_id = ? AND due = 1 AND sample_id > ? ORDER BY sample_id LIMIT ?`,
      )
      .all(target, afterId, limit)
      .map(toRow);
  }

  totals(target: number): SyncTotals {
    return this.database
      .prepare<SyncTotals>(
        `SELECT count(file) AS sent, coalesce(sum(due), 0) AS due,
           coalesce(sum(CASE WHEN due = 1 AND file IS NULL THEN picture_bytes END), 0) AS dueBytes
         FROM sync_samples WHERE target_id = ?`,
      )
      .get(target)!;
  }

  /** @param error JSON of the error of the pass; null: it succeeded at `atMs` */
  passed(target: number, error: string | null, atMs: number): void {
    this.database
      .prepare(
        `UPDATE sync_targets SET error = ?1,
           passed_at_ms = CASE WHEN ?1 IS NULL THEN ?2 ELSE passed_at_ms END WHERE id = ?3`,
      )
      .run(error, Math.round(atMs), target);
  }

  outcome(target: number): SyncOutcome {
    return this.database
      .prepare<SyncOutcome>(
        'SELECT passed_at_ms AS passedAtMs, error FROM sync_targets WHERE id = ?',
      )
      .get(target)!;
  }

  /** Bytes that may be sent, as saved last; null: never saved. */
  allowance(): { bytes: number; savedAtMs: number } | null {
    return (
      this.database
        .prepare<{ bytes: number; savedAtMs: number }>(
          'SELECT bytes, saved_at_ms AS savedAtMs FROM sync_allowance',
        )
        .get() ?? null
    );
  }

  saveAllowance(bytes: number, savedAtMs: number): void {
    this.database
      .prepare('INSERT OR REPLACE INTO sync_allowance (id, bytes, saved_at_ms) VALUES (1, ?, ?)')
      .run(Math.round(bytes), Math.round(savedAtMs));
  }
}

function toRow(row: Columns): SyncRow {
  return { ...row, due: row.due === 1 };
}
