import type { Database } from '../../storage/database.js';
import { IS_WAITING } from '../sample-rows.js';

/** Queries that run at every label: their cost does not grow with the number of labelled samples. */

/** Labels of a task, sorted. @param except ids of samples to ignore */
export function readLabels(
  database: Database,
  task: string,
  except: readonly string[] = [],
): string[] {
  return database
    .prepare<{ label: string }>(
      `SELECT label FROM class_counts c WHERE task = ?1 AND EXISTS (
         SELECT 1 FROM task_samples WHERE task = ?1 AND label = c.label
         AND sample_id NOT IN (SELECT value FROM json_each(?2))
       ) ORDER BY label`,
    )
    .all(task, JSON.stringify(except))
    .map(({ label }) => label);
}

/** Number of samples of each label of a task, with the holdout. */
export function readLabelCounts(database: Database, task: string): Map<string, number> {
  const rows = database
    .prepare<{ label: string; samples: number }>(
      `SELECT label, training + holdout AS samples FROM class_counts
       WHERE task = ? ORDER BY label`,
    )
    .all(task);
  return new Map(rows.map(({ label, samples }) => [label, samples]));
}

/** Number of labelled samples of a task. */
export function countLabelled(database: Database, task: string): number {
  return database
    .prepare<{ labelled: number }>(
      `SELECT coalesce(sum(training + holdout), 0) AS labelled FROM class_counts WHERE task = ?`,
    )
    .get(task)!.labelled;
}

/** Number of training samples of a label. */
export function countTraining(database: Database, task: string, label: string): number {
  return (
    database
      .prepare<{ training: number }>(
        'SELECT training FROM class_counts WHERE task = ? AND label = ?',
      )
      .get(task, label)?.training ?? 0
  );
}

/**
 * How often each label was given after a revision, of at most `most` changes, the oldest. New names of
 * classes do not count.
 */
export function readLabelsGiven(
  database: Database,
  task: string,
  revision: number,
  most: number,
): Map<string, number> {
  const rows = database
    .prepare<{ label: string; given: number }>(
      `SELECT new_label AS label, count(*) AS given FROM (
         SELECT new_label FROM label_history WHERE task = ? AND revision > ?
         AND new_label IS NOT NULL AND renamed = 0 ORDER BY revision LIMIT ?
       ) GROUP BY new_label`,
    )
    .all(task, revision, most);
  return new Map(rows.map(({ label, given }) => [label, given]));
}

/** Ids of the samples of a task that wait for a label, oldest first. */
export function readWaitingIds(database: Database, task: string): string[] {
  // One row: a row for each id takes four times as long.
  const { ids } = database
    .prepare<{ ids: string }>(
      `SELECT json_group_array(t.sample_id) AS ids FROM task_samples t
       WHERE t.task = ? AND ${IS_WAITING}`,
    )
    .get(task)!;
  return (JSON.parse(ids) as string[]).sort();
}
