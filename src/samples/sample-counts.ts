import type { Database } from '../storage/database.js';
import type { LabelSource } from './sample.js';
import { SAMPLE_TABLES_JOINED } from './sample-rows.js';

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
  /** Labelled samples whose picture was thinned out. */
  thinned: number;
  /** Total size of the stored pictures of all tasks. */
  pictureBytes: number;
  /** Sorted by label, ascending by code unit. */
  classes: ClassCounts[];
}

/** A label that was given or changed. */
export interface LabelChange {
  revision: number;
  sampleId: string;
  oldLabel: string | null;
  newLabel: string;
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
  const { waiting, thinned, pictureBytes } = database
    .prepare<{ waiting: number; thinned: number; pictureBytes: number }>(
      `SELECT (SELECT count(*) FROM task_samples WHERE task = ? AND label IS NULL) AS waiting,
         (SELECT count(*) FROM task_samples t JOIN samples s ON s.id = t.sample_id
          WHERE t.task = ? AND t.label IS NOT NULL AND s.picture_bytes = 0) AS thinned,
         picture_bytes AS pictureBytes FROM store_totals`,
    )
    .get(task, task)!;
  const labelled = classes.reduce((sum, { training, holdout }) => sum + training + holdout, 0);
  return { total: labelled + waiting, labelled, waiting, thinned, pictureBytes, classes };
}

export function readLabelChanges(
  database: Database,
  task: string,
  condition: 'revision > ?' | 'sample_id = ?',
  value: string | number,
  limit: number,
): LabelChange[] {
  return database
    .prepare<LabelChange>(
      `SELECT revision, sample_id AS sampleId, old_label AS oldLabel, new_label AS newLabel,
         source, at_ms AS atMs
       FROM label_history WHERE task = ? AND ${condition} ORDER BY revision LIMIT ?`,
    )
    .all(task, value, limit);
}
