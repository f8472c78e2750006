import type { Sql } from '../sql/sql.js';

/** What a robot reported of one task on one backbone, and what the hub keeps about it. */
export interface RobotTaskRow {
  robot: string;
  scope: number;
  /** 0: the newest report does not name it any more. */
  listed: number;
  /** JSON as in the contract. */
  report: string | null;
  headVersion: number | null;
  headState: string | null;
  /** JSON: object, kind, code, message. */
  refusal: string | null;
  /** JSON: how heads without the robot did on its samples, and its disagreement. */
  leftOut: string | null;
  /** The prior that is there for the robot; an empty object: none is needed. */
  priorVersion: number | null;
  priorObject: string | null;
}

const COLUMNS = `robot, scope, listed, report, head_version AS "headVersion",
  head_state AS "headState", refusal, left_out AS "leftOut", prior_version AS "priorVersion",
  prior_object AS "priorObject"`;

/** Of `t`, a robot and task: the prior was removed before the robot decided. */
const LOST_PRIOR = `t.prior_object <> ''
  AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.object = t.prior_object)`;

export class RobotTaskRows {
  constructor(private readonly sql: Sql) {}

  ofRobot(robot: string): Promise<RobotTaskRow[]> {
    return this.sql.all<RobotTaskRow>(
      `SELECT ${COLUMNS} FROM robot_tasks WHERE robot = ? ORDER BY scope`,
      robot,
    );
  }

  ofScope(scope: number): Promise<RobotTaskRow[]> {
    return this.sql.all<RobotTaskRow>(
      `SELECT ${COLUMNS} FROM robot_tasks WHERE scope = ? AND listed = 1 ORDER BY robot`,
      scope,
    );
  }

  list(): Promise<RobotTaskRow[]> {
    return this.sql.all<RobotTaskRow>(`SELECT ${COLUMNS} FROM robot_tasks ORDER BY robot, scope`);
  }

  async unlist(robot: string): Promise<void> {
    await this.sql.run('UPDATE robot_tasks SET listed = 0 WHERE robot = ?', robot);
  }

  async report(
    row: Pick<RobotTaskRow, 'robot' | 'scope' | 'headVersion' | 'headState'> & { report: string },
  ): Promise<void> {
    await this.ensure(row.robot, row.scope);
    await this.sql.run(
      `UPDATE robot_tasks SET listed = 1, report = ?, head_version = ?, head_state = ?
       WHERE robot = ? AND scope = ?`,
      row.report,
      row.headVersion,
      row.headState,
      row.robot,
      row.scope,
    );
  }

  async setRefusal(robot: string, scope: number, refusal: object | null): Promise<void> {
    await this.ensure(robot, scope);
    await this.sql.run(
      'UPDATE robot_tasks SET refusal = ? WHERE robot = ? AND scope = ?',
      refusal === null ? null : JSON.stringify(refusal),
      robot,
      scope,
    );
  }

  async setLeftOut(robot: string, scope: number, leftOut: object): Promise<void> {
    await this.ensure(robot, scope);
    await this.sql.run(
      'UPDATE robot_tasks SET left_out = ? WHERE robot = ? AND scope = ?',
      JSON.stringify(leftOut),
      robot,
      scope,
    );
  }

  async setPrior(robot: string, scope: number, version: number, object: string): Promise<void> {
    await this.sql.run(
      'UPDATE robot_tasks SET prior_version = ?, prior_object = ? WHERE robot = ? AND scope = ?',
      version,
      object,
      robot,
      scope,
    );
  }

  /** The robot needs the prior of a head no more. @returns false: there was none */
  async dropPrior(robot: string, scope: number, version: number): Promise<boolean> {
    const written = await this.sql.run(
      `UPDATE robot_tasks SET prior_version = NULL, prior_object = NULL
       WHERE robot = ? AND scope = ? AND prior_version = ?`,
      robot,
      scope,
      version,
    );
    return written > 0;
  }

  /** Robots whose prior was removed are looked at again. */
  async touchWithoutPrior(): Promise<void> {
    await this.sql.run(
      `UPDATE robots SET dirty = 1 WHERE robot IN (
         SELECT t.robot FROM robot_tasks t WHERE ${LOST_PRIOR})`,
    );
  }

  /** Names of robots whose prior was removed. */
  async withoutPrior(): Promise<string[]> {
    const rows = await this.sql.all<{ robot: string }>(
      `SELECT DISTINCT t.robot FROM robot_tasks t WHERE ${LOST_PRIOR} ORDER BY t.robot`,
    );
    return rows.map(({ robot }) => robot);
  }

  /** Robots on each state of each head. */
  headStates(scope: number): Promise<{ version: number; state: string; robots: number }[]> {
    return this.sql.all(
      `SELECT head_version AS version, head_state AS state, COUNT(*) AS robots FROM robot_tasks
       WHERE scope = ? AND listed = 1 AND head_version IS NOT NULL GROUP BY head_version, head_state`,
      scope,
    );
  }

  private async ensure(robot: string, scope: number): Promise<void> {
    await this.sql.run(
      `INSERT INTO robot_tasks (robot, scope, listed) VALUES (?, ?, 0)
       ON CONFLICT (robot, scope) DO NOTHING`,
      robot,
      scope,
    );
  }
}
