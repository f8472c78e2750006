import type { Database } from '../database.js';
import { migrate } from '../migrate.js';
import { COMMAND_TABLES } from './command-ledger.js';

/** A program or person that wants no training and no other head for a time. */
export interface StoredHold {
  holder: string;
  /** For people. */
  reason: string | null;
  /** Unix time, milliseconds. */
  sinceMs: number;
  /** Id of the boot of the kernel to whose uptime the end refers. */
  kernelBoot: string;
  /** Uptime of the kernel, milliseconds. */
  expiresUptimeMs: number;
}

/** Leases of the do-not-disturb lock, one for each holder. */
export class HoldTable {
  constructor(
    private readonly database: Database,
    private readonly maxHolds = 64,
  ) {
    database.whenOpened(() => migrate(database, 'commands', COMMAND_TABLES));
  }

  /** Begins or renews the hold of a holder; `sinceMs` of a renewed one stays. */
  put({ holder, reason, sinceMs, kernelBoot, expiresUptimeMs }: StoredHold): void {
    this.database.transaction(() => {
      this.database
        .prepare(
          `INSERT INTO holds (holder, reason, since_ms, kernel_boot, expires_uptime_ms)
           VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (holder) DO UPDATE SET reason = excluded.reason,
             kernel_boot = excluded.kernel_boot, expires_uptime_ms = excluded.expires_uptime_ms`,
        )
        .run(holder, reason, sinceMs, kernelBoot, expiresUptimeMs);
      this.database
        .prepare(
          `DELETE FROM holds WHERE holder NOT IN
             (SELECT holder FROM holds ORDER BY expires_uptime_ms DESC, holder LIMIT ?)`,
        )
        .run(this.maxHolds);
    })();
  }

  /** @returns whether it held */
  remove(holder: string): boolean {
    return this.database.prepare('DELETE FROM holds WHERE holder = ?').run(holder).changes === 1;
  }

  /** Removes what has expired. */
  prune(kernelBoot: string, uptimeMs: number): void {
    this.database
      .prepare('DELETE FROM holds WHERE kernel_boot <> ? OR expires_uptime_ms <= ?')
      .run(kernelBoot, Math.floor(uptimeMs));
  }

  /** Also expired ones, the oldest first. */
  all(): StoredHold[] {
    return this.database
      .prepare<StoredHold>(
        `SELECT holder, reason, since_ms AS sinceMs, kernel_boot AS kernelBoot,
           expires_uptime_ms AS expiresUptimeMs FROM holds ORDER BY since_ms, holder`,
      )
      .all();
  }
}
