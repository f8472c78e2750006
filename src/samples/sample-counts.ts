import type { Database } from '../storage/database.js';
import type { LabelSource } from './sample.js';
import { IS_WAITING, SAMPLE_TABLES_JOINED } from './sample-rows.js';

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

export function readCounts(database: Database, task: string): SampleCounts {
  const classes = database
    .prepare<ClassCounts>(
      `SELECT t.label, sum(1 - g.holdout) AS training, sum(g.holdout) AS holdout,
         count(DISTINCT g.name) AS groups,
         count(DISTINCT CASE WHEN g.holdout = 1 THEN g.name END) AS holdoutGroups
       FROM ${SAMPLE_TABLES_JOINED}
       WHERE t.task = ? AND t.label IS NOT NULL GROUP BY t.label ORDER BY t.label`,
    )
    .all(task);
  const rest = database
    .prepare<Omit<SampleCounts, 'total' | 'labelled' | 'classes'>>(
      `SELECT (SELECT count(*) FROM task_samples t WHERE t.task = ? AND ${IS_WAITING}) AS waiting,
         (SELECT count(*) FROM task_samples
          WHERE task = ? AND label IS NULL AND excluded IS NOT NULL) AS excluded,
         (SELECT count(*) FROM trash WHERE task = ?) AS trash,
         (SELECT count(*) FROM task_samples t JOIN samples s ON s.id = t.sample_id
          WHERE t.task = ? AND t.label IS NOT NULL AND s.picture_bytes = 0) AS thinned,
         picture_bytes AS pictureBytes FROM store_totals`,
    )
    .get(task, task, task, task)!;
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
