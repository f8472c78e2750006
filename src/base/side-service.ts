import type { AlarmName, AlarmSwitch } from './alarms.js';
import { Backoff, type BackoffPolicy } from './backoff.js';

const RETRY: BackoffPolicy = { initialMs: 1_000, maxMs: 15_000 };

export interface SideServiceOptions {
  alarm: AlarmName;
  severity?: 'warning' | 'critical';
  /** Throws when it cannot open now, after undoing what it began. */
  open(): Promise<void> | void;
  alarms: AlarmSwitch;
  /** Delays between attempts; default at most 15 s. */
  retry?: BackoffPolicy;
}

/**
 * Opens a service beside the main job. On failure it raises an alarm and retries without limit; the
 * rest of the daemon goes on.
 */
export class SideService {
  readonly #options: SideServiceOptions;
  readonly #backoff: Backoff;
  #attempt: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(options: SideServiceOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.retry ?? RETRY);
  }

  /** Tries at once; resolves after the first attempt, successful or not. Never rejects. */
  start(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#attempt ??= this.#try().finally(() => {
      this.#attempt = null;
    });
    return this.#attempt;
  }

  /** Reports that the open service no longer works: raises the alarm and retries after a delay. */
  failed(error: unknown): void {
    const { alarm, severity, alarms } = this.#options;
    if (this.#stopped) return;
    alarms.raise(alarm, error, severity);
    if (this.#attempt || this.#timer) return;
    this.#timer = setTimeout(() => void this.start(), this.#backoff.nextMs());
  }

  /** Stops retrying; resolves when no attempt is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#attempt;
  }

  async #try(): Promise<void> {
    // Assign #attempt first: `open` may call `failed`, which then must not schedule another
    // attempt.
    await null;
    const { alarm, severity, open, alarms } = this.#options;
    try {
      await open();
      this.#backoff.reset();
      alarms.clear(alarm);
    } catch (error) {
      if (this.#stopped) return;
      // First the next attempt: where even the alarm fails, it comes all the same.
      this.#timer = setTimeout(() => void this.start(), this.#backoff.nextMs());
      alarms.raise(alarm, error, severity);
    }
  }
}
