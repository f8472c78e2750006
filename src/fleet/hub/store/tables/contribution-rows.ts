import type { Sql } from '../sql/sql.js';

export type ContributionKind = 'sums' | 'moment';

/** The newest sums or second moment of a robot. */
export interface ContributionRow {
  scope: number;
  robot: string;
  kind: ContributionKind;
  object: string;
  epoch: string;
  version: number;
  samples: number;
  /** Standard deviation of the noise in each value; 0: none. */
  sigma: number;
  /** JSON: [{label, samples}]; of a moment []. */
  classes: string;
  atMs: number;
  /** What the merged sums hold of the robot; null: nothing. */
  mergedObject: string | null;
  /** 1: it was withdrawn. */
  withdrawn: number;
}

/** A contribution that is not merged as it should be. */
export interface PendingContribution {
  robot: string;
  object: string;
  /** It is to be in the merged sums: 1. */
  wanted: number;
  mergedObject: string | null;
  /** Changes of it that were not looked at before. */
  due: number;
}

const COLUMNS = `scope, robot, kind, object, epoch, version, samples, sigma, classes, at_ms AS "atMs",
  merged_object AS "mergedObject", CASE WHEN bytes IS NULL THEN 1 ELSE 0 END AS withdrawn`;

/** What the hub uses of a robot: a row of `robots` named r. */
const USED = `c.bytes IS NOT NULL AND r.share = 1 AND (r.quarantine IS NULL OR r.quarantine = 'flagged')`;

export class ContributionRows {
  constructor(private readonly sql: Sql) {}

  find(scope: number, robot: string, kind: ContributionKind): Promise<ContributionRow | null> {
    return this.sql.first<ContributionRow>(
      `SELECT ${COLUMNS} FROM contributions WHERE scope = ? AND robot = ? AND kind = ?`,
      scope,
      robot,
      kind,
    );
  }

  list(kind: ContributionKind): Promise<ContributionRow[]> {
    return this.sql.all<ContributionRow>(
      `SELECT ${COLUMNS} FROM contributions WHERE kind = ? AND bytes IS NOT NULL ORDER BY robot`,
      kind,
    );
  }

  ofRobot(robot: string): Promise<ContributionRow[]> {
    return this.sql.all<ContributionRow>(
      `SELECT ${COLUMNS} FROM contributions WHERE robot = ? AND bytes IS NOT NULL`,
      robot,
    );
  }

  /** Replaces what was there; the merged bytes stay until the leader has subtracted them. */
  async put(
    row: Omit<ContributionRow, 'mergedObject' | 'withdrawn'> & { bytes: Uint8Array },
  ): Promise<void> {
    await this.sql.run(
      `INSERT INTO contributions
         (scope, robot, kind, object, epoch, version, samples, sigma, classes, bytes, at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (scope, robot, kind) DO UPDATE SET
         merged_bytes = CASE WHEN contributions.merged_object = contributions.object
           AND contributions.merged_bytes IS NULL
           THEN contributions.bytes ELSE contributions.merged_bytes END,
         object = excluded.object, epoch = excluded.epoch, version = excluded.version,
         samples = excluded.samples, sigma = excluded.sigma, classes = excluded.classes, bytes = excluded.bytes,
         at_ms = excluded.at_ms, due = contributions.due + 1`,
      row.scope,
      row.robot,
      row.kind,
      row.object,
      row.epoch,
      row.version,
      row.samples,
      row.sigma,
      row.classes,
      row.bytes,
      row.atMs,
    );
  }

  /** Of all tasks: the bytes go, and the leader subtracts what is merged. */
  async withdraw(robot: string): Promise<void> {
    await this.sql.run(
      `UPDATE contributions SET merged_bytes = CASE WHEN merged_object = object
         AND merged_bytes IS NULL THEN bytes ELSE merged_bytes END, bytes = NULL, samples = 0,
         classes = '[]', due = due + 1 WHERE robot = ?`,
      robot,
    );
    await this.sql.run(
      'DELETE FROM contributions WHERE robot = ? AND merged_object IS NULL AND bytes IS NULL',
      robot,
    );
  }

  /** Sums whose part in the merged sums is not what it should be. Costs nothing for those that are. */
  pending(scope: number, limit: number): Promise<PendingContribution[]> {
    return this.sql.all<PendingContribution>(
      `SELECT c.robot, c.object, c.due, c.merged_object AS "mergedObject",
         CASE WHEN ${USED} THEN 1 ELSE 0 END AS wanted
       FROM contributions c LEFT JOIN robots r ON r.robot = c.robot
       WHERE c.scope = ? AND c.due > 0 AND c.kind = 'sums' AND (
         (${USED} AND (c.merged_object IS NULL OR c.merged_object <> c.object))
         OR (NOT COALESCE(${USED}, 1 = 0) AND c.merged_object IS NOT NULL))
       ORDER BY c.at_ms, c.robot LIMIT ?`,
      scope,
      limit,
    );
  }

  /** Whether the merged sums hold sums that a robot has withdrawn. */
  async holdWithdrawn(scope: number): Promise<boolean> {
    const row = await this.sql.first(
      `SELECT 1 AS found FROM contributions
       WHERE scope = ? AND due > 0 AND kind = 'sums' AND bytes IS NULL AND merged_object IS NOT NULL
       LIMIT 1`,
      scope,
    );
    return row !== null;
  }

  /** Names of the robots whose contributions count now. */
  used(scope: number, kind: ContributionKind): Promise<{ robot: string; samples: number }[]> {
    return this.sql.all(
      `SELECT c.robot, c.samples FROM contributions c JOIN robots r ON r.robot = c.robot
       WHERE c.scope = ? AND c.kind = ? AND ${USED} ORDER BY c.robot`,
      scope,
      kind,
    );
  }

  /** Robots that may get heads of a task: whether each is online, and the samples of it that count. */
  followers(
    scope: number,
    onlineSinceMs: number,
  ): Promise<{ robot: string; online: number; samples: number }[]> {
    return this.sql.all(
      `SELECT t.robot, CASE WHEN r.seen_at_ms >= ? THEN 1 ELSE 0 END AS online,
         CASE WHEN ${USED} THEN c.samples ELSE 0 END AS samples
       FROM robot_tasks t LEFT JOIN robots r ON r.robot = t.robot
         LEFT JOIN contributions c ON c.scope = t.scope AND c.robot = t.robot AND c.kind = 'sums'
       WHERE t.scope = ? AND t.listed = 1`,
      onlineSinceMs,
      scope,
    );
  }

  /** Robots that the merged sums contain. */
  merged(scope: number): Promise<{ robot: string; sigma: number }[]> {
    return this.sql.all(
      `SELECT robot, sigma FROM contributions
       WHERE scope = ? AND kind = 'sums' AND merged_object IS NOT NULL ORDER BY robot`,
      scope,
    );
  }

  /** When the newest sums of a task came, Unix milliseconds; 0: there are none. */
  async newestMs(scope: number): Promise<number> {
    const [row] = await this.sql.all<{ atMs: number | null }>(
      `SELECT MAX(at_ms) AS "atMs" FROM contributions WHERE scope = ? AND kind = 'sums'`,
      scope,
    );
    return row?.atMs ?? 0;
  }

  /** Standard deviations of the noise in the merged sums of robots that add noise. */
  async noises(scope: number): Promise<number[]> {
    const rows = await this.sql.all<{ sigma: number }>(
      `SELECT sigma FROM contributions
       WHERE scope = ? AND sigma > 0 AND kind = 'sums' AND merged_object IS NOT NULL ORDER BY robot`,
      scope,
    );
    return rows.map(({ sigma }) => sigma);
  }

  /** The object as it came; null: there is none. */
  async bytes(scope: number, robot: string, kind: ContributionKind): Promise<Uint8Array | null> {
    const row = await this.sql.first<{ bytes: Uint8Array | null }>(
      'SELECT bytes FROM contributions WHERE scope = ? AND robot = ? AND kind = ?',
      scope,
      robot,
      kind,
    );
    return row?.bytes ?? null;
  }

  /** What the merged sums hold of a robot; null: nothing. */
  async mergedBytes(scope: number, robot: string): Promise<Uint8Array | null> {
    const row = await this.sql.first<{ bytes: Uint8Array | null }>(
      `SELECT COALESCE(merged_bytes, bytes) AS bytes FROM contributions
       WHERE scope = ? AND robot = ? AND kind = 'sums' AND merged_object IS NOT NULL`,
      scope,
      robot,
    );
    return row?.bytes ?? null;
  }

  /**
   * The merged sums hold `object` of the robot now; null: nothing.
   * @param due as {@link pending} said: what has changed since then stays due
   */
  async setMerged(scope: number, robot: string, object: string | null, due: number): Promise<void> {
    await this.sql.run(
      `UPDATE contributions SET merged_object = ?, merged_bytes = NULL,
         due = CASE WHEN due = ? THEN 0 ELSE due END
       WHERE scope = ? AND robot = ? AND kind = 'sums'`,
      object,
      due,
      scope,
      robot,
    );
    await this.sql.run(
      `DELETE FROM contributions WHERE scope = ? AND robot = ? AND bytes IS NULL
         AND merged_object IS NULL`,
      scope,
      robot,
    );
  }

  async removeKind(scope: number, kind: ContributionKind): Promise<void> {
    await this.sql.run('DELETE FROM contributions WHERE scope = ? AND kind = ?', scope, kind);
  }
}
