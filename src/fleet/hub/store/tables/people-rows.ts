import type { HubRole, Person } from '../../../contract/hub-api.js';
import type { Sql } from '../sql/sql.js';

const COLUMNS = `name, role, created_at_ms AS "createdAtMs", last_seen_at_ms AS "lastSeenAtMs"`;

/** Who may use the API. Only digests of tokens are stored. */
export class PeopleRows {
  constructor(private readonly sql: Sql) {}

  list(): Promise<Person[]> {
    return this.sql.all<Person>(`SELECT ${COLUMNS} FROM people ORDER BY name`);
  }

  /** @param digest SHA-256 of the token, hexadecimal */
  byDigest(digest: string): Promise<Person | null> {
    return this.sql.first<Person>(`SELECT ${COLUMNS} FROM people WHERE digest = ?`, digest);
  }

  /** @returns false: there is somebody of that name */
  async add(name: string, role: HubRole, digest: string, atMs: number): Promise<boolean> {
    const added = await this.sql.run(
      `INSERT INTO people (name, role, digest, created_at_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT (name) DO NOTHING`,
      name,
      role,
      digest,
      atMs,
    );
    return added > 0;
  }

  async remove(name: string): Promise<boolean> {
    return (await this.sql.run('DELETE FROM people WHERE name = ?', name)) > 0;
  }

  async seen(name: string, atMs: number): Promise<void> {
    await this.sql.run('UPDATE people SET last_seen_at_ms = ? WHERE name = ?', atMs, name);
  }
}
