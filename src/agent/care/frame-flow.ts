/** Whether the frames that cameras deliver come out of perception again, decided or refused. */
export class FrameFlow {
  /** When the first frame came since one was finished, monotonic; null: none has. */
  #sinceMs: number | null = null;
  #decided = 0;

  /** A frame for perception. @param nowMs monotonic, milliseconds */
  delivered(nowMs: number): void {
    this.#sinceMs ??= nowMs;
  }

  decided(): void {
    this.#decided += 1;
    this.#sinceMs = null;
  }

  /** A frame was refused, or nothing is to be decided now. */
  interrupted(): void {
    this.#sinceMs = null;
  }

  /** At least one frame was decided. */
  get hasDecided(): boolean {
    return this.#decided > 0;
  }

  /**
   * How long frames have come and none was finished, milliseconds.
   * @param framesPerSecond the limit of the rate, which makes frames wait; null: none
   */
  undecidedForMs(nowMs: number, framesPerSecond: number | null): number {
    if (this.#sinceMs === null) return 0;
    const intervalMs = framesPerSecond === null ? 0 : 1_000 / framesPerSecond;
    return Math.max(0, nowMs - this.#sinceMs - intervalMs);
  }
}
