import type { KernelMoment } from '../../base/time/kernel-clock.js';
import type { SavedClock } from '../../storage/outbox-table.js';

/** What a clock for ages is read from. */
export interface ClockSources {
  /** A clock of this process that never jumps, milliseconds. */
  monotonic(): number;
  kernel(): KernelMoment;
  /** The wall clock: Unix time, milliseconds. It may be wrong and may be set at any time. */
  now(): number;
  /** Whether a time server has set the wall clock since the machine started. */
  isDateTrusted(): boolean;
}

/** See {@link AgeClock.look}. */
export interface ClockLook {
  mark: SavedClock;
  /**
   * Time without power that has become known, milliseconds. What was queued at `sinceMs` of this clock
   * or later may have been queued after it, and must be moved with the clock. Null: none.
   */
  without: { sinceMs: number; byMs: number } | null;
}

/**
 * A clock for the age of messages, across restarts. It counts time that is known to have passed:
 * within a process by the monotonic clock, between two processes of one boot by the uptime of the
 * kernel, and across a boot by the wall clock, only if a time server had set it before and has set it
 * again. Other time without power does not count, so a wrong clock makes no message old. An age is thus
 * never too large; without a time server it may be too small.
 */
export class AgeClock {
  readonly #sources: ClockSources;
  readonly #kernelBoot: string;
  #clockMs: number;
  #monotonicMs: number;
  #uptimeMs: number;
  #dated: SavedClock['dated'];

  /** @param mark of an earlier process; null: the clock starts at 0 */
  constructor(mark: SavedClock | null, sources: ClockSources) {
    const { boot, uptimeMs } = sources.kernel();
    this.#sources = sources;
    this.#kernelBoot = boot;
    this.#monotonicMs = sources.monotonic();
    this.#uptimeMs = uptimeMs;
    const sameBoot = mark !== null && boot !== '' && mark.kernelBoot === boot;
    const sinceMarkMs = sameBoot ? Math.max(0, uptimeMs - mark.uptimeMs) : 0;
    this.#clockMs = (mark?.clockMs ?? 0) + sinceMarkMs;
    this.#dated = mark?.dated ?? null;
  }

  /** Milliseconds; 0 is when the first process began. */
  nowMs(): number {
    return this.#clockMs + this.#sources.monotonic() - this.#monotonicMs;
  }

  /** What has become known since the last {@link follow}; the clock itself stays as it is. */
  look(): ClockLook {
    const { uptimeMs } = this.#sources.kernel();
    // Only the uptime counts the time that a machine sleeps.
    const sleptMs = uptimeMs - this.#uptimeMs - (this.#sources.monotonic() - this.#monotonicMs);
    const countedMs = this.nowMs() + Math.max(0, sleptMs);
    const dateMs = this.#sources.isDateTrusted() ? this.#sources.now() : null;
    const without = dateMs === null ? null : this.#withoutPower(dateMs, countedMs);
    const clockMs = countedMs + (without?.byMs ?? 0);
    const kernelBoot = this.#kernelBoot;
    const dated = dateMs === null ? this.#dated : { dateMs, clockMs, kernelBoot };
    return { mark: { clockMs, kernelBoot, uptimeMs, dated }, without };
  }

  /** Goes on from what {@link look} has just returned. */
  follow({ mark: { clockMs, uptimeMs, dated } }: ClockLook): void {
    this.#clockMs = clockMs;
    this.#monotonicMs = this.#sources.monotonic();
    this.#uptimeMs = uptimeMs;
    this.#dated = dated;
  }

  #withoutPower(dateMs: number, countedMs: number): ClockLook['without'] {
    const dated = this.#dated;
    // Within a boot the uptime has counted everything, and somebody may have set the wall clock.
    if (dated === null || dated.kernelBoot === this.#kernelBoot) return null;
    const byMs = dateMs - dated.dateMs - (countedMs - dated.clockMs);
    return byMs > 0 ? { sinceMs: dated.clockMs, byMs } : null;
  }
}
