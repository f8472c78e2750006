import type { Database } from '../storage/database.js';
import type { LabelSource } from './sample.js';

export interface ClassCounts {
  label: string;
  /** Samples outside the holdout. */
  training: number;
  /** Samples of holdout groups. */
  holdout: number;
  /** Groups with at least one sample of this class, including holdout groups. */
  groups: number;
  holdoutGroups: number;
}

export interface SampleCounts {
  /** Samples of the task; those of other tasks are not counted. */
  total: number;
  labelled: number;
  waiting: number;
  /** Samples that are kept, but neither learnt nor asked about. */
  excluded: number;
  /** Removed samples that can still be restored; not in `total`. */
  trash: number;
  /** Labelled samples whose picture was thinned out. */
  thinned: number;
  /** Total size of the stored pictures of all tasks. */
  pictureBytes: number;
  /** Sorted by label, ascending by code unit. */
  classes: ClassCounts[];
}

/** A label that was given, changed or taken off. */
export interface LabelChange {
  revision: number;
  sampleId: string;
  oldLabel: string | null;
  /** Null: the label was taken off. */
  newLabel: string | null;
  /** The class has another name; nothing was taught. */
  renamed: boolean;
  source: LabelSource;
  /** Unix time, milliseconds. */
  atMs: number;
}

/** As triggers keep them: the cost does not grow with the number of samples. */
export function readCounts(database: Database, task: string): SampleCounts {
  const classes = database
    .prepare<ClassCounts>(
      `SELECT label, training, holdout, training_groups + holdout_groups AS groups,
         holdout_groups AS holdoutGroups
       FROM class_counts WHERE task = ? ORDER BY label`,
    )
    .all(task);
  const rest = database
    .prepare<Omit<SampleCounts, 'total' | 'labelled' | 'classes'>>(
      `SELECT coalesce(c.waiting, 0) AS waiting, coalesce(c.excluded, 0) AS excluded,
         coalesce(c.trash, 0) AS trash, coalesce(c.thinned, 0) AS thinned,
         picture_bytes AS pictureBytes FROM store_totals LEFT JOIN task_counts c ON c.task = ?`,
    )
    .get(task)!;
  const labelled = classes.reduce((sum, { training, holdout }) => sum + training + holdout, 0);
  return { total: labelled + rest.waiting + rest.excluded, labelled, ...rest, classes };
}

export function readLabelChanges(
  database: Database,
  task: string,
  condition: 'revision > ?' | 'sample_id = ?',
  value: string | number,
  limit: number,
): LabelChange[] {
  return database
    .prepare<Omit<LabelChange, 'renamed'> & { renamed: number }>(
      `SELECT revision, sample_id AS sampleId, old_label AS oldLabel, new_label AS newLabel,
         renamed, source, at_ms AS atMs
       FROM label_history WHERE task = ? AND ${condition} ORDER BY revision LIMIT ?`,
    )
    .all(task, value, limit)
    .map((row) => ({ ...row, renamed: row.renamed === 1 }));
}
