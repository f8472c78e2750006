/** The robot's clock, set from its last status, because the clock of a phone may be wrong. */
export class RobotClock {
  #robotMs = Date.now();
  #receivedAtMs = performance.now();

  set(robotMs: number): void {
    this.#robotMs = robotMs;
    this.#receivedAtMs = performance.now();
  }

  /** Unix milliseconds. */
  nowMs(): number {
    return this.#robotMs + performance.now() - this.#receivedAtMs;
  }
}
