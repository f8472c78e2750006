import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Frame } from '../camera/camera.js';
import type { SystemdNotifier } from '../host/notify.js';
import type { Perception } from '../perception/perception.js';

const STATUS_INTERVAL_MS = 10_000;
/** A frame that takes longer than this hangs; systemd then starts the daemon again. */
const STUCK_FRAME_MS = 20_000;
const PERCEPTION_DOWN_MS = 60_000;

/** What the watchdog feeds on: no frame is stuck, and perception is there or coming back. */
export function makesProgress({
  busyForMs,
  downForMs,
}: Pick<Perception<Frame>, 'busyForMs' | 'downForMs'>): boolean {
  return busyForMs < STUCK_FRAME_MS && downForMs < PERCEPTION_DOWN_MS;
}

/**
 * Feeds systemd's watchdog only while the daemon is healthy, and keeps its status line true. A bare
 * timer would prove no more than that the event loop turns.
 */
export class Watchdog {
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly notifier: SystemdNotifier,
    private readonly log: Log,
  ) {}

  /**
   * Tells systemd that the daemon is up, and begins to feed the watchdog when there is one.
   * @param statusLine what `systemctl status` shows
   */
  ready(isHealthy: () => boolean, statusLine: () => string): void {
    if (this.notifier.transport === 'none') return;
    if (this.notifier.libcError !== null) {
      this.log.warn({ reason: this.notifier.libcError }, 'systemd is told through systemd-notify');
    }
    this.notifier.ready();
    const tell = (): void => {
      try {
        this.notifier.status(statusLine());
      } catch (error) {
        this.log.error({ err: messageOf(error) }, 'systemd cannot be told the status');
      }
    };
    tell();
    this.#timers.push(setInterval(tell, STATUS_INTERVAL_MS));
    const intervalMs = this.notifier.watchdogIntervalMs;
    if (intervalMs === null) return;
    const feed = (): void => {
      if (isHealthy()) this.notifier.watchdog();
      else this.log.error('no progress: the watchdog is not fed');
    };
    this.#timers.push(setInterval(feed, intervalMs / 2));
  }

  stopping(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.notifier.stopping();
  }
}
