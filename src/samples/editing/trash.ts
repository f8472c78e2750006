import type { Database } from '../../storage/database.js';
import type { Mark } from '../sample.js';
import type { Author, LabelWriter } from './label-writer.js';

export interface EmptiedTrash {
  /** Samples that are gone for good. */
  samples: number;
  /** Size of their pictures. */
  bytes: number;
}

/** Removed samples that are read at once: a picture seldom needs the room of more. */
const TRASH_PAGE = 64;

/** With what a sample was removed, and at which label revision. */
export interface RemovedMark extends Mark {
  removedRevision: number;
}

/**
 * The removed samples of one task. A sample in the trash is none of the task's: it is not counted, learnt,
 * evaluated or asked about. Its picture and its group stay until the trash is emptied. Run every method
 * that writes in a transaction.
 */
export class Trash {
  constructor(
    private readonly database: Database,
    private readonly task: string,
    private readonly writer: LabelWriter,
  ) {}

  /** With what a sample was removed; null: it is not in the trash. */
  find(id: string): RemovedMark | null {
    return (
      this.database
        .prepare<RemovedMark>(
          `SELECT label, label_source AS labelSource, labelled_at_ms AS labelledAtMs, excluded,
             removed_revision AS removedRevision FROM trash WHERE task = ? AND sample_id = ?`,
        )
        .get(this.task, id) ?? null
    );
  }

  /** Removes a sample of the task. @param removed with what; default: what it has now */
  put(id: string, by: Author, removed?: RemovedMark): void {
    const { database, task } = this;
    const now = this.writer.read(id);
    this.writer.remember(id, now, null, by);
    const { label, labelSource, labelledAtMs, excluded, removedRevision } = removed ?? {
      ...now,
      removedRevision: this.revision(),
    };
    database
      .prepare(
        `INSERT INTO trash (task, sample_id, label, label_source, labelled_at_ms, excluded, source,
           captured_at_ms, removed_at_ms, removed_revision)
         SELECT task, sample_id, ?, ?, ?, ?, source, captured_at_ms, ?, ?
         FROM task_samples WHERE task = ? AND sample_id = ?`,
      )
      .run(label, labelSource, labelledAtMs, excluded, by.atMs, removedRevision, task, id);
    database.prepare('DELETE FROM task_samples WHERE task = ? AND sample_id = ?').run(task, id);
  }

  /**
   * Brings a sample back with the label that it had.
   * @param nameOf what its class is called now
   */
  takeOut(id: string, nameOf: (mark: RemovedMark) => string | null, by: Author): void {
    const { database, task } = this;
    const mark = this.find(id)!;
    database
      .prepare(
        `INSERT INTO task_samples (task, sample_id, source, captured_at_ms)
         SELECT task, sample_id, source, captured_at_ms FROM trash WHERE task = ? AND sample_id = ?`,
      )
      .run(task, id);
    this.writer.write(id, { ...mark, label: nameOf(mark) }, by);
    database.prepare('DELETE FROM trash WHERE task = ? AND sample_id = ?').run(task, id);
  }

  private revision(): number {
    return this.database
      .prepare<{ revision: number }>(
        'SELECT coalesce(max(revision), 0) AS revision FROM label_history WHERE task = ?',
      )
      .get(this.task)!.revision;
  }
}

/** What of the trash of all tasks goes for good: all, or only the oldest. */
export interface TrashBound {
  /** Removed before this Unix time, milliseconds. */
  beforeMs?: number;
  /** No more than it takes to free so many bytes. */
  bytes?: number;
  /** Only of this task. */
  task?: string;
}

/**
 * Removes samples of the trash for good, the oldest removal first. One that another task uses leaves only
 * the trash. Run it in a transaction.
 */
export function emptyTrash(database: Database, bound: TrashBound = {}): EmptiedTrash {
  const { beforeMs = Number.MAX_SAFE_INTEGER, bytes = Number.POSITIVE_INFINITY, task } = bound;
  const emptied: EmptiedTrash = { samples: 0, bytes: 0 };
  if (bytes <= 0) return emptied;
  const oldest = database.prepare<{ task: string; id: string; bytes: number }>(
    `SELECT r.task, r.sample_id AS id, s.picture_bytes AS bytes
     FROM trash r JOIN samples s ON s.id = r.sample_id
     WHERE r.removed_at_ms < ?1 AND (?2 IS NULL OR r.task = ?2)
     ORDER BY r.removed_at_ms, r.sample_id LIMIT ${TRASH_PAGE}`,
  );
  const leave = database.prepare('DELETE FROM trash WHERE task = ? AND sample_id = ?');
  for (;;) {
    const rows = oldest.all(beforeMs, task ?? null);
    if (rows.length === 0) return emptied;
    for (const row of rows) {
      if (emptied.bytes >= bytes) return emptied;
      leave.run(row.task, row.id);
      if (!dropUnused(database, row.id)) continue;
      emptied.samples += 1;
      emptied.bytes += row.bytes;
    }
  }
}

/**
 * Removes a sample that no task uses, not even in its trash, with its picture and its features.
 * @returns false: a task uses it
 */
export function dropUnused(database: Database, id: string): boolean {
  return (
    database
      .prepare(
        `DELETE FROM samples WHERE id = ?
         AND NOT EXISTS (SELECT 1 FROM task_samples WHERE sample_id = samples.id)
         AND NOT EXISTS (SELECT 1 FROM trash WHERE sample_id = samples.id)`,
      )
      .run(id).changes > 0
  );
}
