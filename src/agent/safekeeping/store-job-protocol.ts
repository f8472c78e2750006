import type { SerialisedError } from '../../base/errors.js';
import type { BackupPlan, BackupResult } from './make-backup.js';
import type { RepairPlan, RepairReport } from './repair-store.js';

/** What the process beside the daemon is to do with a database. */
export type StoreOrder =
  | { type: 'repair'; plan: RepairPlan }
  /** Reads every page; a backup follows if none is damaged. */
  | { type: 'check'; path: string; backup: BackupPlan | null };

export type StoreAnswer =
  | { type: 'repaired'; report: RepairReport }
  /** `damage` in words of SQLite; empty: none. */
  | { type: 'checked'; damage: string[]; backup: BackupResult | null }
  | { type: 'failed'; error: SerialisedError };
