import { redactedJson } from '../base/redact.js';
import type { Database } from './database.js';
import { migrate } from './migrate.js';

/** Never edit a released step; append a new one. */
export const REPORT_TABLES: readonly string[] = [
  `
  CREATE TABLE reports (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    training_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    head_version INTEGER,
    finished_at TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  `,
  // Reports from before there were tasks are those of `main`.
  `
  ALTER TABLE reports ADD COLUMN task TEXT NOT NULL DEFAULT 'main';
  CREATE INDEX reports_by_task ON reports (task, sequence);
  `,
];

/** The outcome of a training, without the metrics. */
export interface ReportSummary {
  trainingId: string;
  task: string;
  outcome: string;
  /** One sentence for people. */
  reason: string;
  /** The version that the training made; null: none. */
  headVersion: number | null;
  /** ISO 8601, UTC. */
  finishedAt: string;
}

export interface ReportLogLimits {
  /** Default 200. */
  maxReports?: number;
  /**
   * Limit of the total JSON length, UTF-16 units; the newest report is always kept. Default 16 Mi.
   */
  maxLength?: number;
}

/** Reports of all trainings, whatever their outcome; beyond the limits the oldest are removed. */
export class ReportLog {
  readonly #database: Database;
  readonly #maxReports: number;
  readonly #maxLength: number;

  constructor(
    database: Database,
    { maxReports = 200, maxLength = 16 << 20 }: ReportLogLimits = {},
  ) {
    this.#database = database;
    this.#maxReports = maxReports;
    this.#maxLength = maxLength;
    database.whenOpened(() => migrate(database, 'reports', REPORT_TABLES));
  }

  /** Durable when it returns. @param body the whole report, JSON-serialisable */
  append(summary: ReportSummary, body: object): void {
    const { trainingId, task, outcome, reason, headVersion, finishedAt } = summary;
    this.#database.transaction(() => {
      this.#database
        .prepare(
          `INSERT INTO reports (training_id, task, outcome, reason, head_version, finished_at, body)
           VALUES (?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(trainingId, task, outcome, reason, headVersion, finishedAt, redactedJson(body));
      this.#database
        .prepare(
          `DELETE FROM reports WHERE sequence IN (
             SELECT sequence FROM (
               SELECT sequence, row_number() OVER newest AS place,
                 sum(length(body)) OVER newest AS length
               FROM reports WINDOW newest AS (ORDER BY sequence DESC)
             ) WHERE place > 1 AND (place > ? OR length > ?)
           )`,
        )
        .run(this.#maxReports, this.#maxLength);
    })();
  }

  /** Whole reports of a task as parsed JSON, newest first, at most `limit`. */
  list(task: string, limit: number): unknown[] {
    return this.#database
      .prepare<{ body: string }>(
        'SELECT body FROM reports WHERE task = ? ORDER BY sequence DESC LIMIT ?',
      )
      .all(task, limit)
      .map(({ body }): unknown => JSON.parse(body));
  }

  /** The newest report of a task; null before the first. */
  last(task: string): ReportSummary | null {
    return (
      this.#database
        .prepare<ReportSummary>(
          `SELECT training_id AS trainingId, task, outcome, reason, head_version AS headVersion,
             finished_at AS finishedAt FROM reports WHERE task = ? ORDER BY sequence DESC LIMIT 1`,
        )
        .get(task) ?? null
    );
  }
}
