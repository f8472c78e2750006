import type { AlarmName, AlarmSwitch } from './alarms.js';
import { Backoff, type BackoffPolicy } from './backoff.js';

const RETRY: BackoffPolicy = { initialMs: 1_000, maxMs: 15_000 };

export interface SideServiceOptions {
  alarm: AlarmName;
  severity?: 'warning' | 'critical';
  /** Throws when it cannot be opened now; what it began is undone then. */
  open(): Promise<void> | void;
  alarms: AlarmSwitch;
  /** Pauses between attempts; default up to 15 s. */
  retry?: BackoffPolicy;
}

/**
 * Opens something beside the main job. While that fails an alarm is raised and it is tried again,
 * without end; what else the daemon does goes on.
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

  /** Tries at once; resolves after the first attempt, whatever came of it. Never rejects. */
  start(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#attempt ??= this.#try().finally(() => {
      this.#attempt = null;
    });
    return this.#attempt;
  }

  /** What was open no longer works: an alarm, and another attempt after a pause. */
  failed(error: unknown): void {
    const { alarm, severity, alarms } = this.#options;
    if (this.#stopped) return;
    alarms.raise(alarm, error, severity);
    if (this.#attempt || this.#timer) return;
    this.#timer = setTimeout(() => void this.start(), this.#backoff.nextMs());
  }

  /** Tries no more; resolves when no attempt is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#attempt;
  }

  async #try(): Promise<void> {
    // What `open` itself reports as failed belongs to this attempt.
    await null;
    const { alarm, severity, open, alarms } = this.#options;
    try {
      await open();
      this.#backoff.reset();
      alarms.clear(alarm);
    } catch (error) {
      if (this.#stopped) return;
      alarms.raise(alarm, error, severity);
      this.#timer = setTimeout(() => void this.start(), this.#backoff.nextMs());
    }
  }
}
