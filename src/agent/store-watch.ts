import { dirname } from 'node:path';
import type { Alarms } from '../base/alarms.js';
import { deserialiseError, HeadlandError, isHeadlandError } from '../base/errors.js';
import { SideService } from '../base/side-service.js';
import { diskFreeBytes } from '../host/board-readings.js';
import type { Database } from '../storage/database.js';

/** Interval of the check that the file is still at its path. */
const CHECK_INTERVAL_MS = 5_000;
/** A disk with less free space counts as full, although a small write may still succeed. */
const MIN_FREE_BYTES = 1_048_576;

/**
 * Watches the disk of the state folder. While it cannot be written or is missing, an alarm is raised
 * and access is retried until writes succeed. The robot keeps classifying meanwhile.
 */
export class StoreWatch {
  readonly #database: Database;
  readonly #alarms: Alarms;
  readonly #service: SideService;
  #timer: NodeJS.Timeout | null = null;

  constructor(database: Database, alarms: Alarms) {
    this.#database = database;
    this.#alarms = alarms;
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

  #recover(): void {
    this.#checkFile();
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
