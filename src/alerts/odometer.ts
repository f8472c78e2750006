/**
 * The distance that the robot has travelled, from its speed: the last one that was reported, for a
 * limited time, else the usual one. Times are monotonic, milliseconds, and must not run backwards.
 */
export class Odometer {
  #meters = 0;
  #sinceMs = 0;
  #metersPerSecond: number;
  /** When a reported speed is too old; null: the usual speed applies. */
  #untilMs: number | null = null;

  /**
   * @param usualMetersPerSecond while no speed is reported
   * @param maxAgeMs how long a reported speed applies
   */
  constructor(
    private readonly usualMetersPerSecond: number,
    private readonly maxAgeMs: number,
  ) {
    this.#metersPerSecond = usualMetersPerSecond;
  }

  /** The robot moves at this speed now, 0 or more. */
  report(metersPerSecond: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#metersPerSecond = metersPerSecond;
    this.#untilMs = nowMs + this.maxAgeMs;
  }

  /** Distance travelled up to `nowMs`, from an arbitrary start. */
  metersAt(nowMs: number): number {
    this.#advance(nowMs);
    return this.#meters;
  }

  /** When the robot will have travelled this far at the speeds known now; null: never. */
  msAt(meters: number): number | null {
    const reachedMs = timeOf(meters - this.#meters, this.#sinceMs, this.#metersPerSecond);
    if (this.#untilMs === null || (reachedMs !== null && reachedMs <= this.#untilMs)) {
      return reachedMs;
    }
    const reportedMeters = (this.#metersPerSecond * (this.#untilMs - this.#sinceMs)) / 1_000;
    const leftMeters = meters - this.#meters - reportedMeters;
    return timeOf(leftMeters, this.#untilMs, this.usualMetersPerSecond);
  }

  #advance(nowMs: number): void {
    if (this.#untilMs !== null && nowMs >= this.#untilMs) {
      this.#travel(this.#untilMs);
      this.#metersPerSecond = this.usualMetersPerSecond;
      this.#untilMs = null;
    }
    this.#travel(nowMs);
  }

  #travel(nowMs: number): void {
    this.#meters += (this.#metersPerSecond * (nowMs - this.#sinceMs)) / 1_000;
    this.#sinceMs = nowMs;
  }
}

function timeOf(meters: number, fromMs: number, metersPerSecond: number): number | null {
  if (meters <= 0) return fromMs;
  return metersPerSecond > 0 ? fromMs + (1_000 * meters) / metersPerSecond : null;
}
