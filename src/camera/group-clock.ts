/**
 * Groups frames by time: a group begins with a frame and lasts `windowMs` from that frame's time.
 * Its id is the camera and the start, `main-20260314T091500.250Z`, so that it sorts and is unique.
 */
export class GroupClock {
  readonly #camera: string;
  readonly #windowMs: number;
  #startMs = Number.NaN;
  #group = '';

  constructor(camera: string, windowMs: number) {
    this.#camera = camera;
    this.#windowMs = windowMs;
  }

  /**
   * The group of a frame captured at `capturedAtMs` (Unix time, milliseconds). A clock that was set
   * back begins a new group, for nobody knows how much time really passed.
   */
  groupAt(capturedAtMs: number): string {
    const ageMs = capturedAtMs - this.#startMs;
    if (!(ageMs >= 0 && ageMs < this.#windowMs)) {
      this.#startMs = capturedAtMs;
      const start = new Date(capturedAtMs).toISOString().replace(/[-:]/g, '');
      this.#group = `${this.#camera}-${start}`;
    }
    return this.#group;
  }
}
