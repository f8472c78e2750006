import { dirname } from 'node:path';
import type { Alarms } from '../base/alarms.js';
import { deserialiseError, HeadlandError, isHeadlandError } from '../base/errors.js';
import { SideService } from '../base/side-service.js';
import { diskFreeBytes } from '../host/board-readings.js';
import type { Database } from '../storage/database.js';
import { needsRepair } from '../storage/store-error.js';
import type { RepairReport } from './safekeeping/repair-store.js';

/** Interval of the check that the file is still at its path. */
const CHECK_INTERVAL_MS = 5_000;
/** A disk with less free space counts as full, although a small write may still succeed. */
const MIN_FREE_BYTES = 1_048_576;

/** Interval between two attempts to repair the same database: each reads all of it. */
const REPAIR_INTERVAL_MS = 600_000;
const COMES_BACK = ['HL_STORE_FULL', 'HL_STORE_READ_ONLY', 'HL_STORE_UNAVAILABLE'] as const;

/**
 * Watches the disk of the state folder. While it cannot be written or is missing, an alarm is raised
 * and access is retried until writes succeed. The robot keeps classifying meanwhile.
 */
export interface StoreRepair {
  /**
   * Puts a sound database in the place of the damaged one. May take minutes.
   * @throws HeadlandError HL_STORE_…
   */
  repair(cause: HeadlandError): Promise<RepairReport>;
  /** Called when the repaired database is in use. */
  onRepaired(report: RepairReport): void;
}

export class StoreWatch {
  readonly #database: Database;
  readonly #alarms: Alarms;
  readonly #service: SideService;
  readonly #repairing: StoreRepair | null;
  #timer: NodeJS.Timeout | null = null;
  /** What has been found out about the open file; null: nothing is wrong with it. */
  #damage: HeadlandError | null = null;
  #repairedMs = Number.NEGATIVE_INFINITY;

  /** @param repairing null: a damaged file stays as it is */
  constructor(database: Database, alarms: Alarms, repairing: StoreRepair | null = null) {
    this.#database = database;
    this.#alarms = alarms;
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
    this.#timer = setInterval(() => this.#checkFile(), CHECK_INTERVAL_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
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

  #checkFile(): void {
    const lost = this.#database.closeLostFile();
    if (lost) this.#service.failed(lost);
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
        if (isHeadlandError(error, 'HL_STORE_FULL')) throw error;
        this.#database.reopen();
      }
    }
    this.#database.probe();
    this.#checkFreeSpace();
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

  #checkFreeSpace(): void {
    const { path } = this.#database;
    const free = diskFreeBytes(dirname(path));
    if (free === null || free >= MIN_FREE_BYTES) return;
    throw new HeadlandError('HL_STORE_FULL', `${path}: only ${free} bytes are free on its disk`, {
      remedy: 'Free space on this disk, or move the folder (paths.stateDir) to a larger one.',
      details: { path, freeBytes: free },
    });
  }
}
