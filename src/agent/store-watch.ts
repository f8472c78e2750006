import { dirname } from 'node:path';
import type { Alarms } from '../base/alarms.js';
import { deserialiseError, HeadlandError, isHeadlandError } from '../base/errors.js';
import { SideService } from '../base/side-service.js';
import { diskFreeBytes } from '../host/board-readings.js';
import type { Database } from '../storage/database.js';

/** Whether the file is still at its path is looked at so often. */
const LOOK_INTERVAL_MS = 5_000;
/** A disk with less is full, although a small write may still succeed. */
const ROOM_BYTES = 1_048_576;

/**
 * Watches the disk under the state folder. While it refuses to be written, or cannot be had at all, an
 * alarm is raised, and it is tried again until it takes writes; the robot classifies meanwhile.
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

  /** Raises the alarm where the file could not be opened, and begins to watch. */
  start(): void {
    const { standsInFor } = this.#database;
    if (standsInFor) this.#service.failed(standsInFor);
    this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.#service.stop();
  }

  /** The disk has refused something. */
  trouble(error: HeadlandError): void {
    this.#service.failed(error);
  }

  /** Why nothing can be stored now; null: it can. */
  get obstacle(): HeadlandError | null {
    const alarm = this.#alarms.list().find(({ name }) => name === 'store');
    return alarm ? deserialiseError(alarm.error) : null;
  }

  #look(): void {
    const lost = this.#database.closeLostFile();
    if (lost) this.#service.failed(lost);
  }

  #recover(): void {
    this.#look();
    if (this.#database.standsInFor) {
      this.#database.reopen();
    } else {
      try {
        this.#database.probe();
      } catch (error) {
        // The connection may be to a disk that was taken out and put back.
        if (isHeadlandError(error, 'HL_STORE_FULL')) throw error;
        this.#database.reopen();
      }
    }
    this.#database.probe();
    this.#checkRoom();
  }

  #checkRoom(): void {
    const { path } = this.#database;
    const free = diskFreeBytes(dirname(path));
    if (free === null || free >= ROOM_BYTES) return;
    throw new HeadlandError('HL_STORE_FULL', `${path}: only ${free} bytes are free on its disk`, {
      remedy: 'Free space on this disk, or move the folder (paths.stateDir) to a larger one.',
      details: { path, freeBytes: free },
    });
  }
}
