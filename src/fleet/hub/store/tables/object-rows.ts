import type { HubObject } from '../../../contract/chunk-codec.js';
import type { Sql } from '../sql/sql.js';

/** Of an object that every robot may fetch. */
export const FOR_ALL = '';

/** An object of the hub that robots may fetch. */
export interface ObjectRow {
  object: string;
  /** Who may fetch it: the name of a robot, or {@link FOR_ALL}. */
  robot: string;
  kind: HubObject;
  scope: number;
  /** Round of candidates, version of a head or prior; 0: of a basis. */
  purpose: number;
  chunkBytes: number;
  bytes: Uint8Array;
  atMs: number;
}

export class ObjectRows {
  constructor(private readonly sql: Sql) {}

  async put(row: ObjectRow): Promise<void> {
    await this.sql.run(
      `INSERT INTO objects (object, robot, kind, scope, purpose, chunk_bytes, bytes, at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (object, robot) DO UPDATE SET purpose = excluded.purpose,
         at_ms = excluded.at_ms`,
      row.object,
      row.robot,
      row.kind,
      row.scope,
      row.purpose,
      row.chunkBytes,
      row.bytes,
      row.atMs,
    );
  }

  /** What an offer says; null: it is not there any more. */
  size(object: string): Promise<{ bytes: number; chunkBytes: number } | null> {
    return this.sql.first(
      'SELECT LENGTH(bytes) AS bytes, chunk_bytes AS "chunkBytes" FROM objects WHERE object = ?',
      object,
    );
  }

  /** For a robot; null: there is none, or it is for another robot. */
  fetch(
    object: string,
    robot: string,
  ): Promise<(ObjectRow & { task: string; backbone: string }) | null> {
    return this.sql.first(
      `SELECT o.object, o.robot, o.kind, o.scope, o.purpose, o.chunk_bytes AS "chunkBytes", o.bytes,
         o.at_ms AS "atMs", s.task, s.backbone
       FROM objects o JOIN scopes s ON s.id = o.scope
       WHERE o.object = ? AND (o.robot = '' OR o.robot = ?)`,
      object,
      robot,
    );
  }

  /** Removes objects of a kind that were made for earlier rounds or versions. */
  async removeBefore(scope: number, kind: HubObject, purpose: number): Promise<void> {
    await this.sql.run(
      'DELETE FROM objects WHERE scope = ? AND kind = ? AND purpose < ?',
      scope,
      kind,
      purpose,
    );
  }

  /** Bytes of all objects of a kind. */
  async bytesOf(kind: HubObject): Promise<number> {
    const row = await this.sql.first<{ bytes: number | null }>(
      'SELECT CAST(SUM(LENGTH(bytes)) AS DOUBLE PRECISION) AS bytes FROM objects WHERE kind = ?',
      kind,
    );
    return row?.bytes ?? 0;
  }

  /** Removes the objects of a kind that were made for one robot. */
  async removeFor(robot: string, scope: number, kind: HubObject): Promise<void> {
    await this.sql.run(
      'DELETE FROM objects WHERE robot = ? AND scope = ? AND kind = ?',
      robot,
      scope,
      kind,
    );
  }

  /** Removes priors that no robot is to fetch any more. @returns their number */
  removeUnusedPriors(): Promise<number> {
    return this.sql.run(
      `DELETE FROM objects WHERE kind = 'prior'
         AND NOT EXISTS (SELECT 1 FROM robot_tasks t WHERE t.prior_object = objects.object)`,
    );
  }

  /** Removes objects of a kind that were made before a time. @returns their number */
  removeOlder(kind: HubObject, atMs: number): Promise<number> {
    return this.sql.run('DELETE FROM objects WHERE kind = ? AND at_ms < ?', kind, atMs);
  }

  async removeOfRobot(robot: string): Promise<void> {
    await this.sql.run('DELETE FROM objects WHERE robot = ?', robot);
  }
}
