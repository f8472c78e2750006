import type { SystemdNotifier } from '../host/notify.js';
import type { Log } from '../log.js';

/**
 * Feeds systemd's watchdog only while the daemon is healthy. A bare timer would prove no more than
 * that the event loop turns.
 */
export class Watchdog {
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly notifier: SystemdNotifier,
    private readonly log: Log,
  ) {}

  /** Tells systemd that the daemon is up, and begins to feed the watchdog when there is one. */
  ready(isHealthy: () => boolean): void {
    this.notifier.ready();
    const intervalMs = this.notifier.watchdogIntervalMs;
    if (intervalMs === null) return;
    this.#timer = setInterval(() => {
      if (isHealthy()) this.notifier.watchdog();
      else this.log.error('no progress: the watchdog is not fed');
    }, intervalMs / 2);
  }

  stopping(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.notifier.stopping();
  }
}
