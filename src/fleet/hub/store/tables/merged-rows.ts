import type { Sql } from '../sql/sql.js';

/** The merged sums of one class, as robots name it: both parts of exact sums, little-endian float64. */
export interface MergedRow {
  label: string;
  /** That have taught it. */
  robots: number;
  high: Uint8Array;
  low: Uint8Array;
}

export class MergedRows {
  constructor(private readonly sql: Sql) {}

  find(scope: number, label: string): Promise<MergedRow | null> {
    return this.sql.first<MergedRow>(
      'SELECT label, robots, high, low FROM merged WHERE scope = ? AND label = ?',
      scope,
      label,
    );
  }

  async labels(scope: number): Promise<string[]> {
    const rows = await this.sql.all<{ label: string }>(
      'SELECT label FROM merged WHERE scope = ?',
      scope,
    );
    return rows.map(({ label }) => label).sort();
  }

  async put(scope: number, { label, robots, high, low }: MergedRow): Promise<void> {
    await this.sql.run(
      `INSERT INTO merged (scope, label, robots, high, low) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (scope, label) DO UPDATE SET robots = excluded.robots, high = excluded.high,
         low = excluded.low`,
      scope,
      label,
      robots,
      high,
      low,
    );
  }

  async remove(scope: number, label: string): Promise<void> {
    await this.sql.run('DELETE FROM merged WHERE scope = ? AND label = ?', scope, label);
  }

  async clear(scope: number): Promise<void> {
    await this.sql.run('DELETE FROM merged WHERE scope = ?', scope);
  }
}
