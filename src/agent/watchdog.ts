import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Frame } from '../camera/camera.js';
import type { SystemdNotifier } from '../host/notify.js';
import type { Perception } from '../perception/perception.js';

const STATUS_INTERVAL_MS = 10_000;
/** A frame that takes longer than this counts as hung; systemd then restarts the daemon. */
const STUCK_FRAME_MS = 20_000;
const PERCEPTION_DOWN_MS = 60_000;

/** Health check for the watchdog: no frame is stuck, and perception is running or restarting. */
export function makesProgress({
  busyForMs,
  downForMs,
}: Pick<Perception<Frame>, 'busyForMs' | 'downForMs'>): boolean {
  return busyForMs < STUCK_FRAME_MS && downForMs < PERCEPTION_DOWN_MS;
}

/**
 * Resets systemd's watchdog only while the daemon is healthy, and updates its status line. Resetting it
 * from a bare timer would only prove that the event loop runs.
 */
export class Watchdog {
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly notifier: SystemdNotifier,
    private readonly log: Log,
  ) {}

  /**
   * Notifies systemd that the daemon is ready, and starts to reset the watchdog if the unit has one.
   * @param statusLine text for `systemctl status`
   */
  ready(isHealthy: () => boolean, statusLine: () => string): void {
    if (this.notifier.transport === 'none') return;
    if (this.notifier.libcError !== null) {
      this.log.warn(
        { reason: this.notifier.libcError },
        'notifying systemd through systemd-notify',
      );
    }
    this.notifier.ready();
    const reportStatus = (): void => {
      try {
        this.notifier.status(statusLine());
      } catch (error) {
        this.log.error({ err: messageOf(error) }, 'cannot report the status to systemd');
      }
    };
    reportStatus();
    this.#timers.push(setInterval(reportStatus, STATUS_INTERVAL_MS));
    const intervalMs = this.notifier.watchdogIntervalMs;
    if (intervalMs === null) return;
    const feed = (): void => {
      if (isHealthy()) this.notifier.watchdog();
      else this.log.error('no progress: watchdog not reset');
    };
    this.#timers.push(setInterval(feed, intervalMs / 2));
  }

  /** The daemon ends. */
  stopping(): void {
    this.pause();
    this.notifier.stopping();
  }

  /** Sends nothing more; another one follows in this process. */
  pause(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
