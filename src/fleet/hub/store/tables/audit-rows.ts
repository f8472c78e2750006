import type { AuditEntry } from '../../../contract/hub-api.js';
import type { Sql } from '../sql/sql.js';

/** What an entry says; the table adds its number. */
export type NewAuditEntry = Omit<AuditEntry, 'id'>;

type StoredEntry = Omit<AuditEntry, 'detail'> & { detail: string };

const COLUMNS = 'id, at_ms AS "atMs", who AS "by", action, robot, task, detail';

function entryOf(row: StoredEntry): AuditEntry {
  return { ...row, detail: JSON.parse(row.detail) as Record<string, unknown> };
}

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

  /** Of one action on a robot, the newest first. */
  async ofAction(robot: string, action: string, limit: number): Promise<AuditEntry[]> {
    const rows = await this.sql.all<StoredEntry>(
      `SELECT ${COLUMNS} FROM audit WHERE robot = ? AND action = ? ORDER BY id DESC LIMIT ?`,
      robot,
      action,
      limit,
    );
    return rows.map(entryOf);
  }

  /** The newest first. @param before id; only older ones */
  async list(limit: number, robot: string | null, before: number | null): Promise<AuditEntry[]> {
    const rows = await this.sql.all<StoredEntry>(
      `SELECT ${COLUMNS} FROM audit
       WHERE id < ?${robot === null ? '' : ' AND robot = ?'} ORDER BY id DESC LIMIT ?`,
      before ?? Number.MAX_SAFE_INTEGER,
      ...(robot === null ? [] : [robot]),
      limit,
    );
    return rows.map(entryOf);
  }

  /** Keeps the newest `limit` entries. */
  async trim(limit: number): Promise<void> {
    await this.sql.run('DELETE FROM audit WHERE id <= (SELECT MAX(id) FROM audit) - ?', limit);
  }
}
