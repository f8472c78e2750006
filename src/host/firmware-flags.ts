import { execFile } from 'node:child_process';

export interface ThrottledFlags {
  /** The supply is below its limit, now or at the kernel's last poll about two seconds ago. */
  underVoltage: boolean;
  /** The firmware or the kernel limits the processor's clock because of heat or supply. */
  slowed: boolean;
}

const TIMEOUT_MS = 2_000;

/** Decodes bits 0 to 3 of `get_throttled`: under-voltage, frequency capped, throttled, soft limit. */
export function decodeThrottled(flags: number): ThrottledFlags {
  return { underVoltage: (flags & 0b0001) !== 0, slowed: (flags & 0b1110) !== 0 };
}

/**
 * Asks the firmware of a Raspberry Pi with `vcgencmd get_throttled`, for kernels that do not show
 * the flags in sysfs. The program runs in the background, one at a time and for at most two seconds;
 * {@link latest} is the last answer. Where there is no such program it is tried once only.
 */
export class FirmwareFlags {
  #latest: ThrottledFlags | null = null;
  #isAsking = false;
  #isMissing = false;

  constructor(private readonly program = 'vcgencmd') {}

  /** Null: there has been no answer. */
  get latest(): ThrottledFlags | null {
    return this.#latest;
  }

  /** Resolves when {@link latest} is up to date, or cannot be. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#isAsking || this.#isMissing) return;
    this.#isAsking = true;
    try {
      this.#latest = await this.#ask();
    } finally {
      this.#isAsking = false;
    }
  }

  #ask(): Promise<ThrottledFlags | null> {
    const options = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' } as const;
    return new Promise((resolve) => {
      execFile(this.program, ['get_throttled'], options, (error, stdout) => {
        this.#isMissing = error?.code === 'ENOENT';
        const flags = /^throttled=0x([0-9a-f]+)$/im.exec(stdout)?.[1];
        resolve(flags === undefined ? null : decodeThrottled(Number.parseInt(flags, 16)));
      });
    });
  }
}
