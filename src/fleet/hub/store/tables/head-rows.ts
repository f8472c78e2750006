import type { Sql } from '../sql/sql.js';

/** A head of the fleet. */
export interface HeadRow {
  scope: number;
  version: number;
  atMs: number;
  round: number;
  object: string;
  bytes: number;
  /** JSON. */
  labels: string;
  lambdaIndex: number;
  lambda: number;
  scale: number;
  samples: number;
  robots: number;
  /** JSON: scores of leave-one-robot-out; null: no robot could judge. */
  leftOut: string | null;
}

const COLUMNS = `scope, version, at_ms AS "atMs", round, object, bytes, labels,
  lambda_index AS "lambdaIndex", lambda, scale, samples, robots, left_out AS "leftOut"`;

export class HeadRows {
  constructor(private readonly sql: Sql) {}

  newest(scope: number): Promise<HeadRow | null> {
    return this.sql.first<HeadRow>(
      `SELECT ${COLUMNS} FROM heads WHERE scope = ? ORDER BY version DESC LIMIT 1`,
      scope,
    );
  }

  find(scope: number, version: number): Promise<HeadRow | null> {
    return this.sql.first<HeadRow>(
      `SELECT ${COLUMNS} FROM heads WHERE scope = ? AND version = ?`,
      scope,
      version,
    );
  }

  /** The newest first. */
  list(scope: number, limit: number): Promise<HeadRow[]> {
    return this.sql.all<HeadRow>(
      `SELECT ${COLUMNS} FROM heads WHERE scope = ? ORDER BY version DESC LIMIT ?`,
      scope,
      limit,
    );
  }

  async add(row: HeadRow): Promise<void> {
    await this.sql.run(
      `INSERT INTO heads (scope, version, at_ms, round, object, bytes, labels, lambda_index, lambda,
         scale, samples, robots, left_out) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.scope,
      row.version,
      row.atMs,
      row.round,
      row.object,
      row.bytes,
      row.labels,
      row.lambdaIndex,
      row.lambda,
      row.scale,
      row.samples,
      row.robots,
      row.leftOut,
    );
  }
}
