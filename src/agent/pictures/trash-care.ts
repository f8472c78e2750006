import { isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Repeats, Repetition } from '../../base/timers/scheduler.js';
import type { SampleStore } from '../../samples/store.js';
import type { AuditLog } from '../../storage/audit-table.js';

const CHECK_INTERVAL_MS = 3_600_000;
const DAY_MS = 86_400_000;

export interface TrashCareParts {
  /** Of any task: the trash of all tasks is emptied together. */
  samples: Pick<SampleStore, 'emptyTrash'>;
  audit: Pick<AuditLog, 'append'>;
  trashDays: number;
  repeats: Repeats;
  log: Log;
  /** Unix time, milliseconds. */
  nowMs?: () => number;
}

/**
 * Empties the trash of samples that were removed `trashDays` ago. The clock of a board may be wrong for a
 * while after the start: a sample goes only when it was due at the check before, too, an hour earlier.
 */
export class TrashCare {
  #dueBeforeMs: number | null = null;
  #repetition: Repetition | null = null;

  constructor(private readonly parts: TrashCareParts) {}

  start(): void {
    this.check();
    this.#repetition = this.parts.repeats.every({
      name: 'trash',
      what: 'empty the trash',
      intervalMs: CHECK_INTERVAL_MS,
      run: () => this.check(),
    });
  }

  stop(): void {
    void this.#repetition?.stop();
    this.#repetition = null;
  }

  /** Never throws: the next check tries again. */
  check(): void {
    const { samples, audit, trashDays, log, nowMs = Date.now } = this.parts;
    const dueMs = nowMs() - trashDays * DAY_MS;
    const beforeMs = this.#dueBeforeMs === null ? null : Math.min(dueMs, this.#dueBeforeMs);
    this.#dueBeforeMs = dueMs;
    if (beforeMs === null) return;
    try {
      const emptied = samples.emptyTrash(beforeMs);
      if (emptied.samples === 0) return;
      audit.append('trash-emptied', { ...emptied });
      log.info({ ...emptied }, 'samples that were removed long ago are gone for good');
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      log.error({ code: error.code }, `cannot empty the trash: ${error.message}`);
    }
  }
}
