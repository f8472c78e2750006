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
  total: number;
  labelled: number;
  waiting: number;
  /** Total size of the stored pictures. */
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

export function readCounts(database: Database): SampleCounts {
  const classes = database
    .prepare<ClassCounts>(
      `SELECT s.label, sum(1 - g.holdout) AS training, sum(g.holdout) AS holdout,
         count(DISTINCT g.name) AS groups,
         count(DISTINCT CASE WHEN g.holdout = 1 THEN g.name END) AS holdoutGroups
       FROM samples s JOIN sample_groups g ON g.name = s.group_name
       WHERE s.label IS NOT NULL GROUP BY s.label ORDER BY s.label`,
    )
    .all();
  const { waiting, pictureBytes } = database
    .prepare<{ waiting: number; pictureBytes: number }>(
      `SELECT (SELECT count(*) FROM samples WHERE label IS NULL) AS waiting,
         picture_bytes AS pictureBytes FROM store_totals`,
    )
    .get()!;
  const labelled = classes.reduce((sum, { training, holdout }) => sum + training + holdout, 0);
  return { total: labelled + waiting, labelled, waiting, pictureBytes, classes };
}

export function readLabelChanges(
  database: Database,
  condition: 'revision > ?' | 'sample_id = ?',
  value: string | number,
  limit: number,
): LabelChange[] {
  return database
    .prepare<LabelChange>(
      `SELECT revision, sample_id AS sampleId, old_label AS oldLabel, new_label AS newLabel,
         source, at_ms AS atMs
       FROM label_history WHERE ${condition} ORDER BY revision LIMIT ?`,
    )
    .all(value, limit);
}
