import { isHeadlandError } from '../base/errors.js';
import { redactedJson } from '../base/redact.js';
import type { Database } from './database.js';
import { migrate } from './migrate.js';

/** Entries that wait in memory for the disk; beyond it the oldest are lost, and their number is recorded. */
const MAX_WAITING = 1_000;

/** Never edit a released step; append a new one. */
export const AUDIT_TABLES: readonly string[] = [
  `
  CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_by_kind ON audit (kind, sequence);
  CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
  -- Only the oldest entry may go, to keep the log within its bound.
  CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
    WHEN OLD.sequence <> (SELECT min(sequence) FROM audit)
    BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
  `,
];

export interface AuditEntry {
  /** Ascending, without gaps. */
  sequence: number;
  /** Unix time, milliseconds. */
  atMs: number;
  /** "command", "promotion", … */
  kind: string;
  detail: Record<string, unknown>;
}

export interface AuditFilter {
  kind?: string;
  /** Entries before this sequence: the next page. */
  beforeSequence?: number;
  /** Default 100. */
  limit?: number;
}

/**
 * Commands, promotions and refusals of this robot, in an append-only table. The database itself
 * refuses changes. Beyond `maxEntries` (default 100,000) the oldest entry is removed. Labels are
 * not here: the store keeps their whole history.
 */
export class AuditLog {
  /** Entries that were lost before those that wait. */
  private lost = 0;
  private waiting: { kind: string; detail: Record<string, unknown>; atMs: number }[] = [];

  constructor(
    private readonly database: Database,
    private readonly maxEntries = 100_000,
  ) {
    database.whenOpened(() => migrate(database, 'audit', AUDIT_TABLES));
  }

  /** See {@link Database.commits}. */
  get commits(): number {
    return this.database.commits;
  }

  /** Resolves when everything that this database has taken is on the disk, see {@link Database.settled}. */
  settled(): Promise<void> {
    return this.database.settled();
  }

  /** Durable when it returns, or see {@link settled}. `detail` must be JSON-serialisable. */
  append(kind: string, detail: Record<string, unknown>, atMs: number = Date.now()): AuditEntry {
    return this.database.transaction(() => {
      const text = redactedJson(detail);
      const { lastInsertRowid: sequence } = this.database
        .prepare('INSERT INTO audit (at_ms, kind, detail) VALUES (?, ?, ?)')
        .run(atMs, kind, text);
      this.dropOldest(sequence - this.maxEntries);
      return { sequence, atMs, kind, detail: JSON.parse(text) as Record<string, unknown> };
    })();
  }

  /**
   * As {@link append}, but an entry that cannot be written now waits in memory for {@link flush}.
   * @throws HeadlandError HL_STORE_…: it waits
   */
  record(kind: string, detail: Record<string, unknown>): void {
    this.waiting.push({ kind, detail, atMs: Date.now() });
    if (this.waiting.length > MAX_WAITING) {
      this.waiting.shift();
      this.lost += 1;
    }
    this.flush();
  }

  /** Writes what waits, in its order. @throws HeadlandError HL_STORE_…: the rest still waits */
  flush(): void {
    if (this.lost > 0) {
      this.append('lost', { entries: this.lost });
      this.lost = 0;
    }
    for (let next = this.waiting[0]; next; next = this.waiting[0]) {
      try {
        this.append(next.kind, next.detail, next.atMs);
      } catch (error) {
        // An entry that can never be written must not keep the others back.
        if (!isHeadlandError(error)) this.waiting.shift();
        throw error;
      }
      this.waiting.shift();
    }
  }

  /** Newest first. */
  list(filter: AuditFilter = {}): AuditEntry[] {
    const kind = filter.kind ?? null;
    return this.database
      .prepare<Omit<AuditEntry, 'detail'> & { detail: string }>(
        `SELECT sequence, at_ms AS atMs, kind, detail FROM audit
         WHERE sequence < ? AND (? IS NULL OR kind = ?) ORDER BY sequence DESC LIMIT ?`,
      )
      .all(filter.beforeSequence ?? Number.MAX_SAFE_INTEGER, kind, kind, filter.limit ?? 100)
      .map((row) => ({ ...row, detail: JSON.parse(row.detail) as Record<string, unknown> }));
  }

  private dropOldest(upTo: number): void {
    if (upTo < 1) return;
    const oldest = this.database.prepare<{ sequence: number }>(
      'SELECT min(sequence) AS sequence FROM audit',
    );
    const remove = this.database.prepare('DELETE FROM audit WHERE sequence = ?');
    // One by one, because the trigger permits only the removal of the oldest entry.
    for (let at = oldest.get()!.sequence; at <= upTo; at++) remove.run(at);
  }
}
