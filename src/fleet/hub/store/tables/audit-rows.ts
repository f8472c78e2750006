import type { AuditEntry } from '../../../contract/hub-api.js';
import type { Sql } from '../sql/sql.js';

/** What an entry says; the table adds its number. */
export type NewAuditEntry = Omit<AuditEntry, 'id'>;

/** Who acts without a person. */
export const BY_HUB = 'hub';

export class AuditRows {
  constructor(private readonly sql: Sql) {}

  async add({ atMs, by, action, robot, task, detail }: NewAuditEntry): Promise<void> {
    await this.sql.run(
      'INSERT INTO audit (at_ms, who, action, robot, task, detail) VALUES (?, ?, ?, ?, ?, ?)',
      atMs,
      by,
      action,
      robot,
      task,
      JSON.stringify(detail),
    );
  }

  /** The newest first. @param before id; only older ones */
  async list(limit: number, robot: string | null, before: number | null): Promise<AuditEntry[]> {
    const rows = await this.sql.all<Omit<AuditEntry, 'detail'> & { detail: string }>(
      `SELECT id, at_ms AS "atMs", who AS "by", action, robot, task, detail FROM audit
       WHERE id < ?${robot === null ? '' : ' AND robot = ?'} ORDER BY id DESC LIMIT ?`,
      before ?? Number.MAX_SAFE_INTEGER,
      ...(robot === null ? [] : [robot]),
      limit,
    );
    return rows.map((row) => ({
      ...row,
      detail: JSON.parse(row.detail) as Record<string, unknown>,
    }));
  }

  /** Keeps the newest `limit` entries. */
  async trim(limit: number): Promise<void> {
    await this.sql.run('DELETE FROM audit WHERE id <= (SELECT MAX(id) FROM audit) - ?', limit);
  }
}
