import type { Sql } from '../sql/sql.js';

export interface RobotRow {
  robot: string;
  /** Name of its group. */
  team: string | null;
  epoch: string;
  reportNumber: number;
  seenAtMs: number;
  /** JSON as in the contract; null: it has sent objects, but no report yet. */
  report: string | null;
  share: number;
  /** It adds noise: it sends no evaluations. */
  private: number;
  quarantine: 'flagged' | 'quarantined' | null;
  /** JSON. */
  quarantineDetail: string | null;
  /** When an operator ended a quarantine. */
  releasedAtMs: number;
  replayed: number;
  refused: number;
  accepted: number;
}

const COLUMNS = `robot, team, epoch, report_number AS "reportNumber", seen_at_ms AS "seenAtMs", report,
  share, private, quarantine, quarantine_detail AS "quarantineDetail",
  released_at_ms AS "releasedAtMs", replayed, refused, accepted`;

export interface RobotCounts {
  all: number;
  online: number;
  flagged: number;
  quarantined: number;
  withdrawn: number;
}

export type RobotCounter = 'replayed' | 'refused' | 'accepted';

export class RobotRows {
  constructor(private readonly sql: Sql) {}

  find(robot: string): Promise<RobotRow | null> {
    return this.sql.first<RobotRow>(`SELECT ${COLUMNS} FROM robots WHERE robot = ?`, robot);
  }

  /** Keeps other transactions from changing the robot. */
  lock(robot: string): Promise<RobotRow | null> {
    return this.sql.first<RobotRow>(
      `SELECT ${COLUMNS} FROM robots WHERE robot = ?${this.sql.forUpdate}`,
      robot,
    );
  }

  /**
   * The robot, with the present epoch; added when it is new, and locked.
   * @returns null: the epoch is an earlier one, and the message is a replay
   */
  async enter(robot: string, epoch: string, atMs: number): Promise<RobotRow | null> {
    await this.sql.run(
      `INSERT INTO robots (robot, epoch, report_number, seen_at_ms, share, private, dirty)
       VALUES (?, ?, -1, ?, 1, 0, 1) ON CONFLICT (robot) DO NOTHING`,
      robot,
      epoch,
      atMs,
    );
    const row = await this.lock(robot);
    if (row === null || row.epoch === epoch) return row;
    const retired = await this.sql.first(
      'SELECT 1 AS found FROM retired_epochs WHERE robot = ? AND epoch = ?',
      robot,
      epoch,
    );
    if (retired !== null) return null;
    await this.sql.run('INSERT INTO retired_epochs (robot, epoch) VALUES (?, ?)', robot, row.epoch);
    await this.sql.run(
      'UPDATE robots SET epoch = ?, report_number = -1, dirty = 1 WHERE robot = ?',
      epoch,
      robot,
    );
    return { ...row, epoch, reportNumber: -1 };
  }

  /** @param before as {@link enter} found it */
  async report(
    before: Pick<RobotRow, 'share'>,
    row: Pick<RobotRow, 'robot' | 'reportNumber' | 'seenAtMs' | 'share' | 'private'> & {
      report: string;
    },
  ): Promise<void> {
    await this.sql.run(
      `UPDATE robots SET report_number = ?, seen_at_ms = ?, report = ?, share = ?, private = ?, dirty = 1
       WHERE robot = ?`,
      row.reportNumber,
      row.seenAtMs,
      row.report,
      row.share,
      row.private,
      row.robot,
    );
    if (before.share !== row.share) await this.#changesUse(row.robot);
  }

  async count(robot: string, counter: RobotCounter): Promise<void> {
    await this.sql.run(`UPDATE robots SET ${counter} = ${counter} + 1 WHERE robot = ?`, robot);
  }

  async quarantine(
    robot: string,
    state: RobotRow['quarantine'],
    detail: object | null,
    atMs: number,
  ): Promise<void> {
    await this.sql.run(
      `UPDATE robots SET quarantine = ?, quarantine_detail = ?, dirty = 1,
         released_at_ms = CASE WHEN ? = 1 THEN ? ELSE released_at_ms END WHERE robot = ?`,
      state,
      detail === null ? null : JSON.stringify(detail),
      state === null ? 1 : 0,
      atMs,
      robot,
    );
    await this.#changesUse(robot);
  }

  async setTeam(robot: string, team: string | null): Promise<void> {
    await this.sql.run('UPDATE robots SET team = ?, dirty = 1 WHERE robot = ?', team, robot);
  }

  /** What the hub wants of the robot may have changed; null: of every robot. */
  async touch(robot: string | null): Promise<void> {
    if (robot === null) await this.sql.run('UPDATE robots SET dirty = 1');
    else await this.sql.run('UPDATE robots SET dirty = 1 WHERE robot = ?', robot);
  }

  /** Up to `limit` robots whose desired state may have changed; they count as looked at. */
  async takeDirty(limit: number): Promise<RobotRow[]> {
    const rows = await this.sql.all<RobotRow>(
      `SELECT ${COLUMNS} FROM robots WHERE dirty = 1 ORDER BY robot LIMIT ?${this.sql.forUpdate}`,
      limit,
    );
    for (const { robot } of rows) {
      await this.sql.run('UPDATE robots SET dirty = 0 WHERE robot = ?', robot);
    }
    return rows;
  }

  /** Numbers of robots, without reading their reports. */
  async counts(onlineSinceMs: number): Promise<RobotCounts> {
    const row = await this.sql.first<RobotCounts>(
      `SELECT COUNT(*) AS "all",
         CAST(COALESCE(SUM(CASE WHEN seen_at_ms >= ? THEN 1 ELSE 0 END), 0) AS BIGINT) AS online,
         CAST(COALESCE(SUM(CASE WHEN quarantine = 'flagged' THEN 1 ELSE 0 END), 0) AS BIGINT)
           AS flagged,
         CAST(COALESCE(SUM(CASE WHEN quarantine = 'quarantined' THEN 1 ELSE 0 END), 0) AS BIGINT)
           AS quarantined,
         CAST(COALESCE(SUM(CASE WHEN share = 0 THEN 1 ELSE 0 END), 0) AS BIGINT) AS withdrawn
       FROM robots`,
      onlineSinceMs,
    );
    return row ?? { all: 0, online: 0, flagged: 0, quarantined: 0, withdrawn: 0 };
  }

  /** When each robot was last seen, the latest first. */
  async seenAtMs(): Promise<number[]> {
    const rows = await this.sql.all<{ seenAtMs: number }>(
      'SELECT seen_at_ms AS "seenAtMs" FROM robots ORDER BY seen_at_ms DESC',
    );
    return rows.map(({ seenAtMs }) => seenAtMs);
  }

  quarantined(): Promise<RobotRow[]> {
    return this.sql.all<RobotRow>(
      `SELECT ${COLUMNS} FROM robots WHERE quarantine = 'quarantined' ORDER BY robot`,
    );
  }

  list(): Promise<RobotRow[]> {
    return this.sql.all<RobotRow>(`SELECT ${COLUMNS} FROM robots ORDER BY robot`);
  }

  async remove(robot: string): Promise<void> {
    await this.sql.run('DELETE FROM robots WHERE robot = ?', robot);
    await this.sql.run('DELETE FROM retired_epochs WHERE robot = ?', robot);
    await this.sql.run('DELETE FROM robot_tasks WHERE robot = ?', robot);
  }

  /** The leader looks again whether the sums of the robot are to be merged. */
  async #changesUse(robot: string): Promise<void> {
    await this.sql.run('UPDATE contributions SET due = due + 1 WHERE robot = ?', robot);
  }
}
