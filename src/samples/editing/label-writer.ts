import type { Database } from '../../storage/database.js';
import type { LabelSource, Mark } from '../sample.js';

export const UNMARKED: Mark = {
  label: null,
  labelSource: null,
  labelledAtMs: null,
  excluded: null,
};

/** Who changes a label, and when. */
export interface Author {
  source: LabelSource;
  /** Unix time, milliseconds. */
  atMs: number;
}

/** Writes labels and exclusions of one task, each label with its line in the history. */
export class LabelWriter {
  constructor(
    private readonly database: Database,
    private readonly task: string,
  ) {}

  /** @param id of a sample of the task */
  read(id: string): Mark {
    return this.database
      .prepare<Mark>(
        `SELECT label, label_source AS labelSource, labelled_at_ms AS labelledAtMs, excluded
         FROM task_samples WHERE task = ? AND sample_id = ?`,
      )
      .get(this.task, id)!;
  }

  /** Run it in a transaction. @param id of a sample of the task */
  write(id: string, mark: Mark, by: Author): void {
    const old = this.read(id);
    this.database
      .prepare(
        `UPDATE task_samples SET label = ?, label_source = ?, labelled_at_ms = ?, excluded = ?
         WHERE task = ? AND sample_id = ?`,
      )
      .run(mark.label, mark.labelSource, mark.labelledAtMs, mark.excluded, this.task, id);
    this.remember(id, old, mark.label, by);
  }

  /** Adds a line to the history if the label differs. */
  remember(id: string, old: Mark, label: string | null, by: Author): void {
    if (old.label === label) return;
    this.database
      .prepare(
        `INSERT INTO label_history
           (task, sample_id, old_label, old_source, old_at_ms, new_label, source, at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(this.task, id, old.label, old.labelSource, old.labelledAtMs, label, by.source, by.atMs);
  }
}
