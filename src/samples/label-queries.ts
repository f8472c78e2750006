import type { Database } from '../storage/database.js';
import { IS_WAITING, SAMPLE_TABLES_JOINED } from './sample-rows.js';

/**
 * Queries whose cost does not grow with the number of labelled samples, or only by an index entry each: they
 * run at every label.
 */

/** Labels of a task, sorted. @param except ids of samples to ignore */
export function readLabels(
  database: Database,
  task: string,
  except: readonly string[] = [],
): string[] {
  // One step of the index for each label, instead of one for each sample.
  return database
    .prepare<{ label: string }>(
      `WITH RECURSIVE known (label) AS (
         SELECT min(label) FROM task_samples WHERE task = ?1
         UNION ALL
         SELECT (SELECT min(label) FROM task_samples WHERE task = ?1 AND label > known.label)
         FROM known WHERE label IS NOT NULL
       )
       SELECT label FROM known WHERE label IS NOT NULL AND EXISTS (
         SELECT 1 FROM task_samples WHERE task = ?1 AND label = known.label
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
      `SELECT label, count(*) AS samples FROM task_samples
       WHERE task = ? AND label IS NOT NULL GROUP BY label ORDER BY label`,
    )
    .all(task);
  return new Map(rows.map(({ label, samples }) => [label, samples]));
}

/** Whether a task has at least `least` labelled samples. */
export function hasLabelled(database: Database, task: string, least: number): boolean {
  const { found } = database
    .prepare<{ found: number }>(
      `SELECT count(*) AS found FROM (
         SELECT 1 FROM task_samples WHERE task = ? AND label IS NOT NULL LIMIT ?
       )`,
    )
    .get(task, least)!;
  return found >= least;
}

/** Number of training samples of a label, counted to at most `most`. */
export function trainingSamplesUpTo(
  database: Database,
  task: string,
  label: string,
  most: number,
): number {
  return database
    .prepare<{ found: number }>(
      `SELECT count(*) AS found FROM (
         SELECT 1 FROM ${SAMPLE_TABLES_JOINED}
         WHERE t.task = ? AND t.label = ? AND g.holdout = 0 LIMIT ?
       )`,
    )
    .get(task, label, most)!.found;
}

/** Ids of the samples of a task that wait for a label, oldest first. */
export function readWaitingIds(database: Database, task: string): string[] {
  return database
    .prepare<{ id: string }>(
      `SELECT t.sample_id AS id FROM task_samples t
       WHERE t.task = ? AND ${IS_WAITING} ORDER BY t.sample_id`,
    )
    .all(task)
    .map(({ id }) => id);
}
