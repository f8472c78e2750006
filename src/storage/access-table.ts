import type { Database } from './database.js';
import { migrate } from './migrate.js';

/** Never edit a released step; append a new one. */
export const ACCESS_TABLES: readonly string[] = [
  `
  CREATE TABLE pairings (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL,
    kernel_boot TEXT NOT NULL,
    expires_uptime_ms INTEGER NOT NULL,
    used INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    device TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    last_seen_at_ms INTEGER NOT NULL
  ) STRICT;
  `,
];

/** A link that pairs one device. */
export interface StoredPairing {
  id: string;
  /** SHA-256 of the secret, which is not stored. */
  digest: Uint8Array;
  /** Unix time, milliseconds. */
  createdAtMs: number;
  /** Id of the boot of the kernel to whose uptime the end refers. */
  kernelBoot: string;
  /** Uptime of the kernel, milliseconds: the wall clock of a robot may be set at any time. */
  expiresUptimeMs: number;
  used: boolean;
}

/** A device that may use the console. */
export interface StoredSession {
  id: string;
  /** SHA-256 of the secret, which is not stored. */
  digest: Uint8Array;
  /** For people. */
  device: string;
  /** Unix time, milliseconds. */
  createdAtMs: number;
  lastSeenAtMs: number;
}

const SESSION_COLUMNS =
  'id, digest, device, created_at_ms AS createdAtMs, last_seen_at_ms AS lastSeenAtMs';

/** Pairings and sessions of the console. Only digests of their secrets are stored. */
export class AccessTable {
  constructor(
    private readonly database: Database,
    private readonly limits = { maxPairings: 100, maxSessions: 100 },
  ) {
    database.whenOpened(() => migrate(database, 'access', ACCESS_TABLES));
  }

  /** Durable when it returns. Beyond the limit the oldest pairing is removed. */
  addPairing(pairing: Omit<StoredPairing, 'used'>): void {
    const { id, digest, createdAtMs, kernelBoot, expiresUptimeMs } = pairing;
    this.database.transaction(() => {
      this.database
        .prepare(
          `INSERT INTO pairings (id, digest, created_at_ms, kernel_boot, expires_uptime_ms)
           VALUES (?, ?, ?, ?, ?)`,
        )
        .run(id, digest, createdAtMs, kernelBoot, expiresUptimeMs);
      this.database
        .prepare(
          `DELETE FROM pairings WHERE rowid NOT IN
             (SELECT rowid FROM pairings ORDER BY rowid DESC LIMIT ?)`,
        )
        .run(this.limits.maxPairings);
    })();
  }

  pairing(id: string): StoredPairing | null {
    const row = this.database
      .prepare<Omit<StoredPairing, 'used'> & { used: number }>(
        `SELECT id, digest, created_at_ms AS createdAtMs, kernel_boot AS kernelBoot,
           expires_uptime_ms AS expiresUptimeMs, used FROM pairings WHERE id = ?`,
      )
      .get(id);
    return row ? { ...row, used: row.used !== 0 } : null;
  }

  /** Makes all unused pairings unusable. */
  usePairings(): void {
    this.database.prepare('UPDATE pairings SET used = 1').run();
  }

  /**
   * Uses a pairing and adds its session, both or neither; durable when it returns.
   * @returns false: the pairing was used before, and nothing was added
   */
  redeem(pairingId: string, session: StoredSession): boolean {
    return this.database.transaction(() => {
      const { changes } = this.database
        .prepare('UPDATE pairings SET used = 1 WHERE id = ? AND used = 0')
        .run(pairingId);
      if (changes === 1) this.addSession(session);
      return changes === 1;
    })();
  }

  /** Durable when it returns. Beyond the limit the session that was unused for longest is removed. */
  addSession({ id, digest, device, createdAtMs, lastSeenAtMs }: StoredSession): void {
    this.database.transaction(() => {
      this.database
        .prepare(
          `INSERT INTO sessions (id, digest, device, created_at_ms, last_seen_at_ms)
           VALUES (?, ?, ?, ?, ?)`,
        )
        .run(id, digest, device, createdAtMs, lastSeenAtMs);
      this.database
        .prepare(
          `DELETE FROM sessions WHERE id <> ? AND id NOT IN
             (SELECT id FROM sessions WHERE id <> ? ORDER BY last_seen_at_ms DESC LIMIT ?)`,
        )
        .run(id, id, this.limits.maxSessions - 1);
    })();
  }

  session(id: string): StoredSession | null {
    return (
      this.database
        .prepare<StoredSession>(`SELECT ${SESSION_COLUMNS} FROM sessions WHERE id = ?`)
        .get(id) ?? null
    );
  }

  /** The most recently used one first. */
  sessions(): StoredSession[] {
    return this.database
      .prepare<StoredSession>(
        `SELECT ${SESSION_COLUMNS} FROM sessions ORDER BY last_seen_at_ms DESC, id`,
      )
      .all();
  }

  /** Records that a session was used; an earlier date changes nothing, for the clock may be set back. */
  seen(id: string, atMs: number): void {
    this.database
      .prepare('UPDATE sessions SET last_seen_at_ms = ? WHERE id = ? AND last_seen_at_ms < ?')
      .run(atMs, id, atMs);
  }

  /** @returns whether there was such a session */
  removeSession(id: string): boolean {
    return this.database.prepare('DELETE FROM sessions WHERE id = ?').run(id).changes === 1;
  }
}
