/** Passes the speed of the robot on: that of a program has priority over that of the receiver. */
export class SpeedReports {
  #commandedMs = Number.NEGATIVE_INFINITY;

  /**
   * @param settings.maxAgeMs how long a speed of a program applies
   * @param nowMs monotonic, milliseconds
   */
  constructor(
    private readonly outputs: { reportSpeed(metersPerSecond: number): void },
    private readonly settings: { usePosition: boolean; maxAgeMs: number },
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** A program reports the speed, meters per second. */
  reportSpeed(metersPerSecond: number): void {
    this.#commandedMs = this.nowMs();
    this.outputs.reportSpeed(metersPerSecond);
  }

  /** The receiver reports the speed; null: it does not know it. */
  fromPosition(metersPerSecond: number | null): void {
    const { usePosition, maxAgeMs } = this.settings;
    if (!usePosition || metersPerSecond === null) return;
    if (this.nowMs() - this.#commandedMs < maxAgeMs) return;
    this.outputs.reportSpeed(metersPerSecond);
  }
}
