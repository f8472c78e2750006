import type { Sql } from '../sql/sql.js';

export interface RoundRow {
  scope: number;
  round: number;
  state: 'judging' | 'done' | 'failed';
  startedAtMs: number;
  endedAtMs: number | null;
  robots: number;
  samples: number;
  /** JSON. */
  labels: string;
  reason: string | null;
  headVersion: number | null;
}

export interface RoundRobotRow {
  robot: string;
  /** Object of its candidates. */
  candidates: string;
  answeredAtMs: number | null;
}

const COLUMNS = `scope, round, state, started_at_ms AS "startedAtMs", ended_at_ms AS "endedAtMs",
  robots, samples, labels, reason, head_version AS "headVersion"`;

export class RoundRows {
  constructor(private readonly sql: Sql) {}

  newest(scope: number): Promise<RoundRow | null> {
    return this.sql.first<RoundRow>(
      `SELECT ${COLUMNS} FROM rounds WHERE scope = ? ORDER BY round DESC LIMIT 1`,
      scope,
    );
  }

  list(scope: number, limit: number): Promise<RoundRow[]> {
    return this.sql.all<RoundRow>(
      `SELECT ${COLUMNS} FROM rounds WHERE scope = ? ORDER BY round DESC LIMIT ?`,
      scope,
      limit,
    );
  }

  /** @param row with the encoded sums from which the head is made */
  async begin(row: RoundRow & { snapshot: Uint8Array }): Promise<void> {
    await this.sql.run(
      `INSERT INTO rounds (scope, round, state, started_at_ms, ended_at_ms, robots, samples, labels,
         snapshot, reason, head_version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.scope,
      row.round,
      row.state,
      row.startedAtMs,
      row.endedAtMs,
      row.robots,
      row.samples,
      row.labels,
      row.snapshot,
      row.reason,
      row.headVersion,
    );
  }

  /** The sums that the head of a round is made from; null: it has ended. */
  async snapshot(scope: number, round: number): Promise<Uint8Array | null> {
    const row = await this.sql.first<{ snapshot: Uint8Array | null }>(
      'SELECT snapshot FROM rounds WHERE scope = ? AND round = ?',
      scope,
      round,
    );
    return row?.snapshot ?? null;
  }

  async end(
    scope: number,
    round: number,
    end: Pick<RoundRow, 'state' | 'endedAtMs' | 'reason' | 'headVersion'>,
  ): Promise<void> {
    await this.sql.run(
      `UPDATE rounds SET state = ?, ended_at_ms = ?, reason = ?, head_version = ?, snapshot = NULL
       WHERE scope = ? AND round = ?`,
      end.state,
      end.endedAtMs,
      end.reason,
      end.headVersion,
      scope,
      round,
    );
  }

  async ask(scope: number, round: number, robot: string, candidates: string): Promise<void> {
    await this.sql.run(
      'INSERT INTO round_robots (scope, round, robot, candidates) VALUES (?, ?, ?, ?)',
      scope,
      round,
      robot,
      candidates,
    );
  }

  asked(scope: number, round: number): Promise<RoundRobotRow[]> {
    return this.sql.all<RoundRobotRow>(
      `SELECT robot, candidates, answered_at_ms AS "answeredAtMs" FROM round_robots
       WHERE scope = ? AND round = ? ORDER BY robot`,
      scope,
      round,
    );
  }

  /** @returns false: the robot was not asked with these candidates, or the round has ended */
  async answer(
    scope: number,
    round: number,
    robot: string,
    candidates: string,
    answers: Uint8Array,
    atMs: number,
  ): Promise<boolean> {
    const written = await this.sql.run(
      `UPDATE round_robots SET answers = ?, answered_at_ms = ?
       WHERE scope = ? AND round = ? AND robot = ? AND candidates = ? AND EXISTS
         (SELECT 1 FROM rounds WHERE scope = ? AND round = ? AND state = 'judging')`,
      answers,
      atMs,
      scope,
      round,
      robot,
      candidates,
      scope,
      round,
    );
    return written > 0;
  }

  /** Evaluations as they came. */
  answers(scope: number, round: number): Promise<{ robot: string; answers: Uint8Array }[]> {
    return this.sql.all(
      `SELECT robot, answers FROM round_robots WHERE scope = ? AND round = ? AND answers IS NOT NULL
       ORDER BY robot`,
      scope,
      round,
    );
  }

  /** Evaluations of a robot that withdraws. */
  async removeAnswers(robot: string): Promise<void> {
    await this.sql.run('DELETE FROM round_robots WHERE robot = ?', robot);
  }

  async removeBefore(scope: number, round: number): Promise<void> {
    await this.sql.run('DELETE FROM round_robots WHERE scope = ? AND round < ?', scope, round);
    await this.sql.run('DELETE FROM rounds WHERE scope = ? AND round < ?', scope, round);
  }
}
