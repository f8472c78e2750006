import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Repeats, Repetition } from '../base/timers/scheduler.js';
import type { SystemdNotifier } from '../host/notify.js';

const STATUS_INTERVAL_MS = 10_000;
/** A frame that takes longer than this counts as hung; systemd then restarts the daemon. */
const STUCK_FRAME_MS = 20_000;
const PERCEPTION_DOWN_MS = 60_000;

/** What must go on, in milliseconds without progress: 0 where it does. */
export interface Progress {
  /** Age of the oldest frame in work. */
  busyForMs: number;
  /** Time without a backbone. */
  downForMs: number;
  /** Time in which cameras delivered frames and none was decided or refused. */
  undecidedForMs: number;
  /** Names of vital work that has not ended for long. */
  stuckWork: readonly string[];
}

/**
 * What stands still and only a restart can help, in words; empty: nothing does. A lost camera, broker or
 * disk is none of it: an alarm tells of each, and they come back by themselves.
 */
export function standstills({
  busyForMs,
  downForMs,
  undecidedForMs,
  stuckWork,
}: Progress): string[] {
  return [
    ...(busyForMs >= STUCK_FRAME_MS ? ['a frame hangs in perception'] : []),
    ...(downForMs >= PERCEPTION_DOWN_MS ? ['perception does not come back'] : []),
    ...(undecidedForMs >= STUCK_FRAME_MS && downForMs === 0
      ? ['cameras deliver frames and none is decided']
      : []),
    ...stuckWork.map((name) => `the work "${name}" does not end`),
  ];
}

/**
 * Resets systemd's watchdog only while everything that must go on does, and updates its status line.
 * Resetting it from a bare timer would only prove that the event loop runs.
 */
export class Watchdog {
  #repetitions: Repetition[] = [];
  #isReady = false;

  constructor(
    private readonly notifier: SystemdNotifier,
    private readonly repeats: Repeats,
    private readonly log: Log,
  ) {}

  /**
   * Starts to reset the watchdog, if the unit has one, and to report the status.
   * @param standstill what stands still, see {@link standstills}
   * @param statusLine text for `systemctl status`
   */
  start(standstill: () => string[], statusLine: () => string): void {
    if (this.notifier.transport === 'none') return;
    if (this.notifier.libcError !== null) {
      this.log.warn(
        { reason: this.notifier.libcError },
        'notifying systemd through systemd-notify',
      );
    }
    const reportStatus = (): void => {
      try {
        this.notifier.status(statusLine());
      } catch (error) {
        this.log.error({ err: messageOf(error) }, 'cannot report the status to systemd');
      }
    };
    reportStatus();
    this.#repetitions.push(
      this.repeats.every({
        name: 'systemd-status',
        what: 'report the status to systemd',
        intervalMs: STATUS_INTERVAL_MS,
        run: reportStatus,
      }),
    );
    const intervalMs = this.notifier.watchdogIntervalMs;
    if (intervalMs === null) return;
    this.#repetitions.push(
      this.repeats.every({
        name: 'watchdog',
        what: 'reset the watchdog',
        intervalMs: intervalMs / 2,
        run: () => {
          const what = standstill();
          if (what.length === 0) this.notifier.watchdog();
          else this.log.error({ standstill: what }, `watchdog not reset: ${what.join('; ')}`);
        },
      }),
    );
  }

  /** The robot classifies, or an alarm says why it cannot: systemd may start what waits for it. */
  ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    if (this.notifier.transport !== 'none') this.notifier.ready();
  }

  /** The daemon ends. */
  stopping(): void {
    this.pause();
    this.notifier.stopping();
  }

  /** Sends nothing more; another one follows in this process. */
  pause(): void {
    this.#isReady = true;
    for (const repetition of this.#repetitions) void repetition.stop();
    this.#repetitions = [];
  }
}
