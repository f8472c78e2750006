import type { Sql } from '../sql/sql.js';

/** A task on one backbone. */
export interface ScopeRow {
  id: number;
  task: string;
  backbone: string;
  backboneName: string;
  featureSize: number;
  /** null: not fixed yet. */
  basisChecksum: string | null;
  /** null: none yet, or the identity. */
  basisObject: string | null;
  directions: number | null;
  basisAtMs: number | null;
  /** The head of robots that no rollout has reached. */
  settledVersion: number | null;
  /** The settled version is to serve whatever gates say. */
  rollBack: number;
  /** The next rollouts wait for an operator. */
  holdRollouts: number;
  roundRequested: number;
  /** Counts merges. */
  changes: number;
  /** Of `changes`, what the newest round has seen. */
  changesOfRound: number;
  recomputedAtMs: number;
}

const COLUMNS = `id, task, backbone, backbone_name AS "backboneName", feature_size AS "featureSize",
  basis_checksum AS "basisChecksum", basis_object AS "basisObject", directions,
  basis_at_ms AS "basisAtMs", settled_version AS "settledVersion", roll_back AS "rollBack",
  hold_rollouts AS "holdRollouts", round_requested AS "roundRequested", changes,
  changes_of_round AS "changesOfRound", recomputed_at_ms AS "recomputedAtMs"`;

export class ScopeRows {
  constructor(private readonly sql: Sql) {}

  /** Adds the scope when it is new. */
  async ensure(
    of: Pick<ScopeRow, 'task' | 'backbone' | 'backboneName' | 'featureSize'>,
  ): Promise<ScopeRow> {
    const known = await this.find(of.task, of.backbone);
    if (known !== null) return known;
    await this.sql.run(
      `INSERT INTO scopes (task, backbone, backbone_name, feature_size) VALUES (?, ?, ?, ?)
       ON CONFLICT (task, backbone) DO NOTHING`,
      of.task,
      of.backbone,
      of.backboneName,
      of.featureSize,
    );
    const added = await this.find(of.task, of.backbone);
    if (added === null) throw new Error(`no scope ${of.task}`);
    return added;
  }

  find(task: string, backbone: string): Promise<ScopeRow | null> {
    return this.sql.first<ScopeRow>(
      `SELECT ${COLUMNS} FROM scopes WHERE task = ? AND backbone = ?`,
      task,
      backbone,
    );
  }

  list(): Promise<ScopeRow[]> {
    return this.sql.all<ScopeRow>(`SELECT ${COLUMNS} FROM scopes ORDER BY task, id`);
  }

  /** Keeps other transactions from merging, or from changing the basis. */
  lock(id: number): Promise<ScopeRow | null> {
    return this.sql.first<ScopeRow>(
      `SELECT ${COLUMNS} FROM scopes WHERE id = ?${this.sql.forUpdate}`,
      id,
    );
  }

  async setBasis(
    id: number,
    basis: { checksum: string; object: string | null; directions: number; atMs: number } | null,
  ): Promise<void> {
    await this.sql.run(
      `UPDATE scopes SET basis_checksum = ?, basis_object = ?, directions = ?, basis_at_ms = ?
       WHERE id = ?`,
      basis?.checksum ?? null,
      basis?.object ?? null,
      basis?.directions ?? null,
      basis?.atMs ?? null,
      id,
    );
  }

  async settle(id: number, version: number | null, rollBack: boolean): Promise<void> {
    await this.sql.run(
      'UPDATE scopes SET settled_version = ?, roll_back = ? WHERE id = ?',
      version,
      rollBack ? 1 : 0,
      id,
    );
  }

  async holdRollouts(id: number, on: boolean): Promise<void> {
    await this.sql.run('UPDATE scopes SET hold_rollouts = ? WHERE id = ?', on ? 1 : 0, id);
  }

  async requestRound(id: number): Promise<void> {
    await this.sql.run('UPDATE scopes SET round_requested = 1 WHERE id = ?', id);
  }

  async changed(id: number): Promise<void> {
    await this.sql.run('UPDATE scopes SET changes = changes + 1 WHERE id = ?', id);
  }

  /** A round begins with what is merged now. */
  async roundBegan(id: number): Promise<void> {
    await this.sql.run(
      'UPDATE scopes SET changes_of_round = changes, round_requested = 0 WHERE id = ?',
      id,
    );
  }

  async recomputed(id: number, atMs: number): Promise<void> {
    await this.sql.run('UPDATE scopes SET recomputed_at_ms = ? WHERE id = ?', atMs, id);
  }
}
