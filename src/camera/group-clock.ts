/**
 * Groups frames by time: a group begins with a frame and lasts `windowMs` from then on, whatever the
 * wall clock does meanwhile. Its id is the camera and the start, `main-20260314T091500.250Z`, so that
 * it sorts and is unique.
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
   * @param capturedAtMs Unix time, milliseconds: names the group
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
