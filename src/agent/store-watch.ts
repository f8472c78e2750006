import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import type { Alarms } from '../base/alarms.js';
import { codeOf, deserialiseError, HeadlandError, isHeadlandError } from '../base/errors.js';
import { SideService } from '../base/side-service.js';
import type { Repeats, Repetition } from '../base/timers/scheduler.js';
import { diskFreeBytes } from '../host/board-readings.js';
import type { Database } from '../storage/database.js';
import { storeError } from '../storage/store-error.js';

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
  #repetitions: Repetition[] = [];
  /** Monotonic, milliseconds; null: no other process keeps writers out. */
  #lockedSinceMs: number | null = null;

  constructor(database: Database, alarms: Alarms, repeats: Repeats) {
    this.#database = database;
    this.#alarms = alarms;
    this.#repeats = repeats;
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

  #recover(): void {
    this.#checkFile();
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
    const problem = this.#full(ENOUGH_FREE_BYTES);
    if (problem) throw problem;
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
