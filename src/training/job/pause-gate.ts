import type { Courtesy } from './courtesy.js';

/**
 * Where a training waits while it is paused. It passes the gate between its steps, so a pause begins
 * after the current step, and the process listens and can be ended meanwhile.
 */
export class PauseGate {
  #courtesy: Pick<Courtesy, 'restMs'> | null = null;
  #opened: Promise<void> | null = null;
  #open: (() => void) | null = null;
  #pausedAtMs = 0;
  #pausedMs = 0;

  pause(): void {
    if (this.#opened) return;
    this.#pausedAtMs = performance.now();
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  resume(): void {
    if (!this.#opened) return;
    this.#pausedMs += performance.now() - this.#pausedAtMs;
    this.#opened = null;
    this.#open?.();
  }

  /** From now on it also rests here for other programs. */
  beCourteous(courtesy: Pick<Courtesy, 'restMs'>): void {
    this.#courtesy = courtesy;
  }

  /** Resolves at once, or when the pause or a rest is over. */
  async pass(): Promise<void> {
    const restMs = this.#courtesy?.restMs() ?? 0;
    if (restMs > 0 && !this.#opened) {
      const startMs = performance.now();
      await new Promise((resolve) => setTimeout(resolve, restMs));
      // A pause that began meanwhile counts from its own beginning.
      const endMs = this.#opened ? this.#pausedAtMs : performance.now();
      this.#pausedMs += endMs - startMs;
    }
    while (this.#opened) await this.#opened;
  }

  /** Monotonic time without the pauses, milliseconds. */
  nowMs(): number {
    const runningMs = this.#opened ? performance.now() - this.#pausedAtMs : 0;
    return performance.now() - this.#pausedMs - runningMs;
  }
}
