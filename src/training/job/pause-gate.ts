/**
 * Where a training waits while it is paused. It passes the gate between its steps, so a pause begins
 * after the current step, and the process listens and can be ended meanwhile.
 */
export class PauseGate {
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

  /** Resolves at once, or when the pause is over. */
  async pass(): Promise<void> {
    while (this.#opened) await this.#opened;
  }

  /** Monotonic time without the pauses, milliseconds. */
  nowMs(): number {
    const runningMs = this.#opened ? performance.now() - this.#pausedAtMs : 0;
    return performance.now() - this.#pausedMs - runningMs;
  }
}
