import type { Alarms } from '../../base/alarms.js';
import { type HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Repeats, Repetition } from '../../base/timers/scheduler.js';
import type { Config } from '../../config/schema.js';
import type { AuditLog } from '../../storage/audit-table.js';
import type { Database } from '../../storage/database.js';
import { damagedFile } from '../../storage/store-error.js';
import type { StoreRepair } from '../store-watch.js';
import type { BackupPlan } from './make-backup.js';
import { type RepairReport, repaired } from './repair-store.js';
import { runStoreJob } from './run-store-job.js';
import { backupFolderOf } from './witnesses.js';

const HOUR_MS = 3_600_000;
/** Interval at which it is decided whether a backup is due; after the first one the start is over. */
const DECIDE_MS = 60_000;

export interface SafekeepingParts {
  config: Config;
  version: string;
  database: Database;
  audit: AuditLog;
  alarms: Alarms;
  repeats: Repeats;
  log: Log;
  /** The newest label revisions of all tasks together. */
  labelRevision(): number;
  /** Reports damage that the check of every page has found. */
  onDamage(error: HeadlandError): void;
}

/**
 * Checks every page of the database and backs it up, shortly after the start, daily, and after many labels,
 * in a process beside the daemon; and repairs it when it is damaged.
 */
export class Safekeeping implements StoreRepair {
  readonly #parts: SafekeepingParts;
  readonly #end = new AbortController();
  #repetition: Repetition | null = null;
  #running: Promise<void> | null = null;
  #checkedMs: number | null = null;
  /** At the last backup. */
  #revision = 0;

  constructor(parts: SafekeepingParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#repetition = this.#parts.repeats.every({
      name: 'safekeeping',
      what: 'decide whether a backup is due',
      intervalMs: DECIDE_MS,
      // Nobody who stops the repetition waits for the check itself.
      run: () => {
        if (this.#isDue()) void this.check();
      },
    });
  }

  async stop(): Promise<void> {
    await this.#repetition?.stop();
    this.#end.abort();
    await this.#running;
  }

  async repair(cause: HeadlandError): Promise<RepairReport> {
    const { config, database, log } = this.#parts;
    log.warn(
      { path: database.path },
      'the database is repaired now; images are classified meanwhile',
    );
    const plan = {
      path: database.path,
      stateDir: config.paths.stateDir,
      backupFolder: backupFolderOf(config),
      cause: cause.toJSON(),
    };
    const { signal } = this.#end;
    const answer = await runStoreJob({ type: 'repair', plan }, { signal, niceness: 5 });
    if (answer.type !== 'repaired') throw new Error(`not an answer to a repair: ${answer.type}`);
    return answer.report;
  }

  onRepaired(report: RepairReport): void {
    const { alarms, audit } = this.#parts;
    const { labels, samples, setAside, backup, tables } = report;
    alarms.raise('store-repaired', repaired(report));
    audit.append('store-repaired', {
      code: report.cause.code,
      labels,
      samples,
      setAside,
      backup: backup?.path ?? null,
      tables,
    });
  }

  /** Checks the database and, if that is wanted, backs it up. Never rejects. */
  check(): Promise<void> {
    this.#running ??= this.#check().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  #isDue(): boolean {
    const { config, database } = this.#parts;
    if (database.standsInFor !== null) return false;
    if (this.#checkedMs === null) return true;
    const ageMs = performance.now() - this.#checkedMs;
    if (ageMs >= config.backup.everyHours * HOUR_MS) return true;
    if (!config.backup.enabled || ageMs < HOUR_MS) return false;
    try {
      return this.#parts.labelRevision() - this.#revision >= config.backup.afterLabels;
    } catch {
      return false;
    }
  }

  async #check(): Promise<void> {
    const { config, database, alarms, log, onDamage } = this.#parts;
    const { path } = database;
    this.#checkedMs = performance.now();
    try {
      const revision = this.#parts.labelRevision();
      const plan = config.backup.enabled ? this.#plan() : null;
      const { signal } = this.#end;
      const answer = await runStoreJob({ type: 'check', path, backup: plan }, { signal });
      if (answer.type !== 'checked') throw new Error(`not an answer to a check: ${answer.type}`);
      const [damage] = answer.damage;
      if (damage !== undefined) return onDamage(damagedFile(path, damage));
      this.#revision = revision;
      alarms.clear('backup');
      const { backup } = answer;
      if (backup?.path) log.info({ ...backup }, 'backup made');
    } catch (error) {
      if (this.#end.signal.aborted) return;
      if (isHeadlandError(error, 'HL_STORE_CORRUPT')) onDamage(error);
      else alarms.raise('backup', error);
    }
  }

  #plan(): BackupPlan {
    const { config, database, version } = this.#parts;
    const { keep, maxBytes } = config.backup;
    return {
      path: database.path,
      stateDir: config.paths.stateDir,
      version,
      folder: backupFolderOf(config),
      keep,
      maxBytes,
      minFreeBytes: config.samples.minFreeBytes,
    };
  }
}
