import { setTimeout as sleep } from 'node:timers/promises';
import { HeadlandError, isHeadlandError } from '../base/errors.js';
import { type KernelMoment, kernelClock } from '../base/time/kernel-clock.js';
import type { HoldTable, StoredHold } from '../storage/commands/hold-table.js';

const CHECK_INTERVAL_MS = 250;

/** A program or person that wants no training and no other head now. */
export interface Hold {
  holder: string;
  /** For people. */
  reason: string | null;
  /** Until it ends by itself, if it is not renewed. */
  secondsLeft: number;
}

/**
 * The do-not-disturb lock. While anybody holds it, no training starts, a running one pauses, and the
 * serving head stays as it is. Each hold is a lease by the clock of the kernel: one of a program that
 * crashed ends by itself, and a restart of the daemon ends none. All processes of the machine share it.
 */
export class DoNotDisturb {
  #lastRead: readonly StoredHold[] = [];

  constructor(
    private readonly table: HoldTable,
    private readonly clock: () => KernelMoment = kernelClock,
  ) {}

  /** Who holds now, the longest first. Without a readable disk, who held at the last look. */
  holds(): Hold[] {
    try {
      this.#lastRead = this.table.all();
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
    }
    if (this.#lastRead.length === 0) return [];
    const { boot, uptimeMs } = this.clock();
    return this.#lastRead
      .filter((hold) => hold.kernelBoot === boot && hold.expiresUptimeMs > uptimeMs)
      .map(({ holder, reason, expiresUptimeMs }) => {
        return { holder, reason, secondsLeft: (expiresUptimeMs - uptimeMs) / 1_000 };
      });
  }

  get isHeld(): boolean {
    return this.holds().length > 0;
  }

  /** Why no training and no switch may begin; null: they may. */
  obstacle(): HeadlandError | null {
    const [first] = this.holds();
    if (first === undefined) return null;
    const seconds = Math.ceil(first.secondsLeft);
    return new HeadlandError(
      'HL_ROBOT_HELD',
      `${JSON.stringify(first.holder)} holds the robot for ${seconds} s more: no training, no other head`,
      {
        remedy:
          'Wait for the end of its work. If that program no longer runs, end its hold: `headland release HOLDER`.',
        details: { holder: first.holder, seconds },
      },
    );
  }

  /** Begins or renews a hold. @throws HeadlandError HL_STORE_… */
  hold(holder: string, seconds: number, reason: string | null): Hold {
    const { boot, uptimeMs } = this.clock();
    this.table.prune(boot, uptimeMs);
    this.table.put({
      holder,
      reason,
      sinceMs: Date.now(),
      kernelBoot: boot,
      expiresUptimeMs: Math.round(uptimeMs + seconds * 1_000),
    });
    return { holder, reason, secondsLeft: seconds };
  }

  /** @returns whether it held @throws HeadlandError HL_STORE_… */
  release(holder: string): boolean {
    return this.table.remove(holder);
  }

  /** Resolves when nobody holds. @throws HeadlandError HL_ROBOT_HELD when `signal` aborts before */
  async released(signal: AbortSignal): Promise<void> {
    for (let obstacle = this.obstacle(); obstacle !== null; obstacle = this.obstacle()) {
      if (signal.aborted) throw obstacle;
      await sleep(CHECK_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Calls back with each beginning and each end of all holds, until `signal` aborts. Never rejects. */
  async follow(signal: AbortSignal, onChange: (isHeld: boolean) => void): Promise<void> {
    let wasHeld = false;
    while (!signal.aborted) {
      const { isHeld } = this;
      if (isHeld !== wasHeld) onChange(isHeld);
      wasHeld = isHeld;
      await sleep(CHECK_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
