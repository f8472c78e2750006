import type { FollowMode } from '../../../contract/hub-api.js';
import type { Sql } from '../sql/sql.js';

/** Scope of a policy for all tasks. */
export const ALL_TASKS = 0;

/** What an operator said of a robot or group. */
export interface PolicyRow {
  subject: string;
  scope: number;
  follow: FollowMode;
  /** Of a pin. */
  version: number | null;
}

export const robotSubject = (robot: string): string => `robot:${robot}`;
export const groupSubject = (group: string): string => `group:${group}`;

export class PolicyRows {
  constructor(private readonly sql: Sql) {}

  list(): Promise<PolicyRow[]> {
    return this.sql.all<PolicyRow>('SELECT subject, scope, follow, version FROM policies');
  }

  async set({ subject, scope, follow, version }: PolicyRow): Promise<void> {
    await this.sql.run(
      `INSERT INTO policies (subject, scope, follow, version) VALUES (?, ?, ?, ?)
       ON CONFLICT (subject, scope) DO UPDATE SET follow = excluded.follow,
         version = excluded.version`,
      subject,
      scope,
      follow,
      version,
    );
  }

  /** @param scope {@link ALL_TASKS}: of every task */
  async remove(subject: string, scope: number): Promise<void> {
    if (scope === ALL_TASKS) await this.sql.run('DELETE FROM policies WHERE subject = ?', subject);
    else {
      await this.sql.run('DELETE FROM policies WHERE subject = ? AND scope = ?', subject, scope);
    }
  }
}

/** What holds for a robot: its own policy before that of its group, that of the task before that of all. */
export function policyFor(
  policies: readonly PolicyRow[],
  robot: string,
  group: string | null,
  scope: number,
): Pick<PolicyRow, 'follow' | 'version'> {
  const subjects = [robotSubject(robot)];
  if (group !== null) subjects.push(groupSubject(group));
  for (const subject of subjects) {
    for (const place of [scope, ALL_TASKS]) {
      const found = policies.find((row) => row.subject === subject && row.scope === place);
      if (found) return found;
    }
  }
  return { follow: 'follow', version: null };
}
