/** The robot's clock as its last status told it: the clock of a phone may be wrong. */
export class RobotClock {
  #robotMs = Date.now();
  #heardAtMs = performance.now();

  set(robotMs: number): void {
    this.#robotMs = robotMs;
    this.#heardAtMs = performance.now();
  }

  /** Unix milliseconds. */
  nowMs(): number {
    return this.#robotMs + performance.now() - this.#heardAtMs;
  }
}
