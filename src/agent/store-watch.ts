import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import type { Alarms } from '../base/alarms.js';
import { codeOf, deserialiseError, HeadlandError, isHeadlandError } from '../base/errors.js';
import { SideService } from '../base/side-service.js';
import type { Repeats, Repetition } from '../base/timers/scheduler.js';
import { diskFreeBytes } from '../host/board-readings.js';
import type { Database } from '../storage/database.js';
import { needsRepair, storeError } from '../storage/store-error.js';
import type { RepairReport } from './safekeeping/repair-store.js';

/** Interval of the check that the disk is there, takes writes and has room. */
const DISK_INTERVAL_MS = 2_000;
/** Interval of the check for a lock of another process. */
const LOCK_INTERVAL_MS = 250;
/** Other processes may write for a moment; a lock that stays so long raises the alarm. */
const LOCKED_MS = 3_000;
/** A disk with less free space counts as full, although a small write may still succeed. */
const MIN_FREE_BYTES = 262_144;
/** Free space at which a full disk counts as usable again. */
const ENOUGH_FREE_BYTES = 1_048_576;
/** Interval between two attempts to repair the same database: each reads all of it. */
const REPAIR_INTERVAL_MS = 600_000;
const COMES_BACK = ['HL_STORE_FULL', 'HL_STORE_READ_ONLY', 'HL_STORE_UNAVAILABLE'] as const;

/** What mends the database of a {@link StoreWatch}. */
export interface StoreRepair {
  /**
   * Puts a sound database in the place of the damaged one. May take minutes.
   * @throws HeadlandError HL_STORE_…
   */
  repair(cause: HeadlandError): Promise<RepairReport>;
  /** Called when the repaired database is in use. */
  onRepaired(report: RepairReport): void;
}

/**
 * Watches the disk of the state folder, also while nothing is stored. While it cannot be written, is full
 * or missing, or another process keeps the database locked, an alarm is raised and access is retried until
 * writes succeed. The robot keeps classifying meanwhile.
 */
export class StoreWatch {
  readonly #database: Database;
  readonly #alarms: Alarms;
  readonly #repeats: Repeats;
  readonly #service: SideService;
  readonly #repairing: StoreRepair | null;
  #repetitions: Repetition[] = [];
  /** What has been found out about the open file; null: nothing is wrong with it. */
  #damage: HeadlandError | null = null;
  #repairedMs = Number.NEGATIVE_INFINITY;
  /** Monotonic, milliseconds; null: no other process keeps writers out. */
  #lockedSinceMs: number | null = null;

  /** @param repairing null: a damaged file stays as it is */
  constructor(
    database: Database,
    alarms: Alarms,
    repeats: Repeats,
    repairing: StoreRepair | null = null,
  ) {
    this.#database = database;
    this.#alarms = alarms;
    this.#repeats = repeats;
    this.#repairing = repairing;
    this.#service = new SideService({
      alarm: 'store',
      severity: 'critical',
      alarms,
      open: () => this.#recover(),
    });
  }

  /** Raises the alarm if the file could not be opened, and starts watching. */
  start(): void {
    const { standsInFor } = this.#database;
    if (standsInFor) this.#service.failed(standsInFor);
    this.#repetitions = [
      this.#repeats.every({
        name: 'store',
        what: 'check the disk',
        intervalMs: DISK_INTERVAL_MS,
        vital: true,
        run: () => this.#checkDisk(),
      }),
      this.#repeats.every({
        name: 'store-lock',
        what: 'check whether the database is locked',
        intervalMs: LOCK_INTERVAL_MS,
        run: () => this.#checkLock(),
      }),
    ];
  }

  async stop(): Promise<void> {
    for (const repetition of this.#repetitions) await repetition.stop();
    await this.#service.stop();
  }

  /** Reports an error of the disk. */
  trouble(error: HeadlandError): void {
    if (needsRepair(error)) this.#damage = error;
    this.#service.failed(error);
  }

  /** Why nothing can be stored now; null: the disk works. */
  get obstacle(): HeadlandError | null {
    const alarm = this.#alarms.list().find(({ name }) => name === 'store');
    return alarm ? deserialiseError(alarm.error) : null;
  }

  #checkDisk(): void {
    this.#checkFile();
    if (this.#database.standsInFor) return;
    const problem = this.#readOnly() ?? this.#full(MIN_FREE_BYTES);
    if (problem) this.#service.failed(problem);
  }

  #checkFile(): void {
    const lost = this.#database.closeLostFile();
    if (lost) this.#service.failed(lost);
  }

  #checkLock(): void {
    if (!this.#database.isLocked()) {
      this.#lockedSinceMs = null;
      // No need to wait for the next attempt, which comes ever later.
      if (this.obstacle?.code === 'HL_STORE_BUSY') void this.#service.start();
      return;
    }
    const nowMs = performance.now();
    this.#lockedSinceMs ??= nowMs;
    if (nowMs - this.#lockedSinceMs < LOCKED_MS) return;
    this.#service.failed(this.#database.lockedError());
  }

  async #recover(): Promise<void> {
    this.#checkFile();
    const damage = needsRepair(this.#database.standsInFor)
      ? this.#database.standsInFor
      : this.#damage;
    if (damage !== null) return this.#repair(damage);
    if (this.#database.standsInFor) {
      this.#database.reopen();
    } else {
      try {
        this.#database.probe();
      } catch (error) {
        // The connection may belong to a disk that was removed and reinserted.
        const stays =
          isHeadlandError(error, 'HL_STORE_FULL') || isHeadlandError(error, 'HL_STORE_BUSY');
        if (stays) throw error;
        this.#database.reopen();
      }
    }
    this.#database.probe();
    await this.#database.settled();
    const problem = this.#full(ENOUGH_FREE_BYTES);
    if (problem) throw problem;
  }

  async #repair(damage: HeadlandError): Promise<void> {
    const repairing = this.#repairing;
    if (!repairing) throw damage;
    if (!needsRepair(this.#database.standsInFor)) this.#database.putAside(damage);
    if (performance.now() - this.#repairedMs < REPAIR_INTERVAL_MS) throw damage;
    this.#repairedMs = performance.now();
    const report = await this.#attempt(repairing, damage);
    this.#damage = null;
    this.#database.reopen();
    this.#database.probe();
    await this.#database.settled();
    repairing.onRepaired(report);
  }

  async #attempt(repairing: StoreRepair, damage: HeadlandError): Promise<RepairReport> {
    try {
      return await repairing.repair(damage);
    } catch (error) {
      // What is missing may come back at any time, and nothing was read yet.
      if (COMES_BACK.some((code) => isHeadlandError(error, code))) {
        this.#repairedMs = Number.NEGATIVE_INFINITY;
      }
      throw error;
    }
  }

  /** A disk that became read-only is noticed before the next write fails. */
  #readOnly(): HeadlandError | null {
    const { path } = this.#database;
    try {
      accessSync(path, constants.W_OK);
      return null;
    } catch (error) {
      if (codeOf(error) !== 'EROFS') return null;
      const meant = storeError(error, path);
      return isHeadlandError(meant) ? meant : null;
    }
  }

  #full(neededBytes: number): HeadlandError | null {
    const { path } = this.#database;
    const free = diskFreeBytes(dirname(path));
    if (free === null || free >= neededBytes) return null;
    return new HeadlandError('HL_STORE_FULL', `${path}: only ${free} bytes are free on its disk`, {
      remedy: 'Free space on this disk, or move the folder (paths.stateDir) to a larger one.',
      details: { path, freeBytes: free },
    });
  }
}
