import type { ROLLOUT_STATES } from '../../../contract/hub-api.js';
import type { Sql } from '../sql/sql.js';

export interface RolloutRow {
  scope: number;
  version: number;
  state: (typeof ROLLOUT_STATES)[number];
  /** Index; -1: an operator has to begin it. */
  stage: number;
  stageStartedAtMs: number;
  previousVersion: number | null;
  reason: string | null;
  startedBy: string;
}

const COLUMNS = `scope, version, state, stage, stage_started_at_ms AS "stageStartedAtMs",
  previous_version AS "previousVersion", reason, started_by AS "startedBy"`;

export class RolloutRows {
  constructor(private readonly sql: Sql) {}

  /** The rollout of the newest version. */
  newest(scope: number): Promise<RolloutRow | null> {
    return this.sql.first<RolloutRow>(
      `SELECT ${COLUMNS} FROM rollouts WHERE scope = ? ORDER BY version DESC LIMIT 1`,
      scope,
    );
  }

  async begin(row: RolloutRow, robots: readonly { robot: string; stage: number }[]): Promise<void> {
    // One at a time: what is left of earlier ones does not matter any more.
    await this.sql.run('DELETE FROM rollout_robots WHERE scope = ?', row.scope);
    await this.sql.run(
      `INSERT INTO rollouts (scope, version, state, stage, stage_started_at_ms, previous_version,
         reason, started_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      row.scope,
      row.version,
      row.state,
      row.stage,
      row.stageStartedAtMs,
      row.previousVersion,
      row.reason,
      row.startedBy,
    );
    for (const { robot, stage } of robots) {
      await this.sql.run(
        'INSERT INTO rollout_robots (scope, version, robot, stage) VALUES (?, ?, ?, ?)',
        row.scope,
        row.version,
        robot,
        stage,
      );
    }
  }

  async change(
    row: Pick<RolloutRow, 'scope' | 'version' | 'state' | 'stage' | 'stageStartedAtMs' | 'reason'>,
  ): Promise<void> {
    await this.sql.run(
      `UPDATE rollouts SET state = ?, stage = ?, stage_started_at_ms = ?, reason = ?
       WHERE scope = ? AND version = ?`,
      row.state,
      row.stage,
      row.stageStartedAtMs,
      row.reason,
      row.scope,
      row.version,
    );
  }

  robots(scope: number, version: number): Promise<{ robot: string; stage: number }[]> {
    return this.sql.all(
      'SELECT robot, stage FROM rollout_robots WHERE scope = ? AND version = ? ORDER BY stage, robot',
      scope,
      version,
    );
  }

  /**
   * Numbers of the robots of the present stage and of those before, by what they did with the head. The leader
   * asks each second: one row for each state leaves the database, none for each robot.
   * @param last stage, of robots that came later
   */
  asked(
    { scope, version, stage }: Pick<RolloutRow, 'scope' | 'version' | 'stage'>,
    last: number,
    onlineSinceMs: number,
  ): Promise<{ online: number; state: string | null; robots: number }[]> {
    return this.sql.all(
      `SELECT CASE WHEN r.seen_at_ms >= ? THEN 1 ELSE 0 END AS online,
         CASE WHEN t.head_version = ? THEN t.head_state END AS state, COUNT(*) AS robots
       FROM robot_tasks t LEFT JOIN robots r ON r.robot = t.robot
         LEFT JOIN rollout_robots o ON o.scope = t.scope AND o.version = ? AND o.robot = t.robot
       WHERE t.scope = ? AND t.listed = 1 AND COALESCE(o.stage, ?) <= ? GROUP BY 1, 2`,
      onlineSinceMs,
      version,
      version,
      scope,
      last,
      stage,
    );
  }

  /** Stage of a robot; null: it came later, and belongs to the last one. */
  async stageOf(scope: number, version: number, robot: string): Promise<number | null> {
    const row = await this.sql.first<{ stage: number }>(
      'SELECT stage FROM rollout_robots WHERE scope = ? AND version = ? AND robot = ?',
      scope,
      version,
      robot,
    );
    return row?.stage ?? null;
  }
}
