import type { Sql } from '../sql/sql.js';

export interface AliasRow {
  label: string;
  instead: string;
}

/** Names of the fleet for labels of robots, and labels that robots must not send. */
export class NameRows {
  constructor(private readonly sql: Sql) {}

  aliases(scope: number): Promise<AliasRow[]> {
    return this.sql.all<AliasRow>(
      'SELECT label, instead FROM aliases WHERE scope = ? ORDER BY label',
      scope,
    );
  }

  /** @param instead null: the label has its own name again */
  async setAlias(scope: number, label: string, instead: string | null): Promise<void> {
    await this.sql.run('DELETE FROM aliases WHERE scope = ? AND label = ?', scope, label);
    if (instead === null) return;
    await this.sql.run(
      'INSERT INTO aliases (scope, label, instead) VALUES (?, ?, ?)',
      scope,
      label,
      instead,
    );
  }

  async neverShared(scope: number): Promise<string[]> {
    const rows = await this.sql.all<{ label: string }>(
      'SELECT label FROM never_shared WHERE scope = ? ORDER BY label',
      scope,
    );
    return rows.map(({ label }) => label);
  }

  async setNeverShared(scope: number, label: string, on: boolean): Promise<void> {
    await this.sql.run('DELETE FROM never_shared WHERE scope = ? AND label = ?', scope, label);
    if (!on) return;
    await this.sql.run('INSERT INTO never_shared (scope, label) VALUES (?, ?)', scope, label);
  }
}
