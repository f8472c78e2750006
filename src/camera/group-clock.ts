/**
 * Groups frames by time: a group begins with a frame and lasts `windowMs` of the monotonic clock.
 * Its id consists of camera and start time, `main-20260314T091500.250Z`, so that ids sort and are
 * unique.
 */
export class GroupClock {
  readonly #camera: string;
  readonly #windowMs: number;
  #startMs = Number.NEGATIVE_INFINITY;
  #group = '';

  constructor(camera: string, windowMs: number) {
    this.#camera = camera;
    this.#windowMs = windowMs;
  }

  /**
   * The group of a frame.
   *
   * @param capturedAtMs Unix time, milliseconds; becomes part of the id
   * @param nowMs monotonic, milliseconds
   */
  groupAt(capturedAtMs: number, nowMs: number): string {
    if (nowMs - this.#startMs >= this.#windowMs) {
      this.#startMs = nowMs;
      const start = new Date(capturedAtMs).toISOString().replace(/[-:]/g, '');
      this.#group = `${this.#camera}-${start}`;
    }
    return this.#group;
  }
}
