import type { Database } from '../../storage/database.js';
import type { Exclusion, LabelSource } from '../sample.js';

/** What a task knows about one of its samples. */
export interface Mark {
  label: string | null;
  labelSource: LabelSource | null;
  /** Unix time, milliseconds. */
  labelledAtMs: number | null;
  excluded: Exclusion | null;
}

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

  /**
   * A label that the sample had before, with who gave it and when; to undo a change.
   * @param by gave it, if the sample never had it
   */
  former(id: string, label: string, by: Author): Mark {
    const found = this.database
      .prepare<Pick<Mark, 'labelSource' | 'labelledAtMs'>>(
        `SELECT old_source AS labelSource, old_at_ms AS labelledAtMs FROM label_history
         WHERE task = ? AND sample_id = ? AND old_label = ? AND old_source IS NOT NULL
         ORDER BY revision DESC LIMIT 1`,
      )
      .get(this.task, id, label);
    const facts = found ?? { labelSource: by.source, labelledAtMs: by.atMs };
    return { ...facts, label, excluded: null };
  }
}
