import type { Database } from '../../storage/database.js';
import type { FormerState, Mark, SampleState } from '../sample.js';

/** What a change has done to one sample. */
export interface UndoItem {
  before: FormerState;
  after: { state: SampleState; label: string | null };
  /** Label revision after the change: later new names of classes concern its labels. */
  revision: number;
}

/** Newest changes of a task that can be undone. */
const MAX_CHANGES = 1_000;

interface Row extends Mark {
  id: string;
  revision: number;
  oldState: FormerState['state'];
  removedRevision: number | null;
  newState: SampleState;
  newLabel: string | null;
}

/** Remembers changes of samples of one task, so that they can be undone, also after a restart. */
export class UndoLog {
  constructor(
    private readonly database: Database,
    private readonly task: string,
  ) {}

  /** Run it in a transaction. @param id sorts after the ids of all earlier changes */
  write(id: string, items: readonly UndoItem[]): void {
    const insert = this.database.prepare(
      `INSERT INTO sample_changes
         (task, change_id, sample_id, revision, old_state, old_label, old_source, old_at_ms,
          old_excluded, removed_revision, new_state, new_label)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    for (const { before, after, revision } of items) {
      const { label, labelSource, labelledAtMs, excluded } = before.mark;
      const old = [
        before.state,
        label,
        labelSource,
        labelledAtMs,
        excluded,
        before.removedRevision,
      ];
      insert.run(this.task, id, before.id, revision, ...old, after.state, after.label);
    }
    this.database
      .prepare(
        `DELETE FROM sample_changes WHERE task = ?1 AND change_id <= (
           SELECT change_id FROM sample_changes WHERE task = ?1
           GROUP BY change_id ORDER BY change_id DESC LIMIT 1 OFFSET ?2)`,
      )
      .run(this.task, MAX_CHANGES);
  }

  /** Empty: there is no such change, or no longer. */
  read(id: string): UndoItem[] {
    return this.database
      .prepare<Row>(
        `SELECT sample_id AS id, revision, old_state AS oldState, old_label AS label,
           old_source AS labelSource, old_at_ms AS labelledAtMs, old_excluded AS excluded,
           removed_revision AS removedRevision,
           new_state AS newState, new_label AS newLabel
         FROM sample_changes WHERE task = ? AND change_id = ?`,
      )
      .all(this.task, id)
      .map(
        ({ id: sampleId, revision, oldState, removedRevision, newState, newLabel, ...mark }) => ({
          before: { id: sampleId, state: oldState, mark, removedRevision },
          after: { state: newState, label: newLabel },
          revision,
        }),
      );
  }
}
