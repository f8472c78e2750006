import { HeadlandError, type SerialisedError, serialiseError } from '../base/errors.js';
import type { CameraDriver, CapturedPicture } from './camera.js';

/** One run of a driver, from opening to end, with a watchdog for stalls. */
export class CameraRun {
  readonly #driver: CameraDriver;
  readonly #stallMs: number;
  readonly #abort = new AbortController();
  #beingTaken = 0;
  #pictures = 0;
  #firstPictureMs = 0;
  #lastPictureMs = 0;
  #stall: HeadlandError | null = null;

  constructor(driver: CameraDriver, stallMs: number) {
    this.#driver = driver;
    this.#stallMs = stallMs;
  }

  /** Pictures arrived for at least `stallMs`, so that the next failure is a new problem. */
  get wasHealthy(): boolean {
    return this.#lastPictureMs - this.#firstPictureMs >= this.#stallMs;
  }

  get gavePictures(): boolean {
    return this.#pictures > 0;
  }

  /** Runs to the end. @returns null when stopped or the source has ended, else the failure */
  async capture(
    deliver: (picture: CapturedPicture) => unknown,
    stop: AbortSignal,
  ): Promise<SerialisedError | null> {
    const invalidBefore = this.#driver.invalidPictures ?? 0;
    const allowedMs = this.#stallMs + (this.#driver.paceMs ?? 0);
    const watchdog = setTimeout(() => {
      const seen = this.#pictures;
      // The receiver may be done before the check: then the source has had no time for the next picture.
      const wasBusy = this.#beingTaken > 0;
      // After a busy event loop, pictures may have arrived but not been read: read them first.
      setImmediate(() => {
        if (this.#abort.signal.aborted) return;
        if (this.#pictures > seen || wasBusy) {
          watchdog.refresh();
          return;
        }
        const invalid = (this.#driver.invalidPictures ?? 0) - invalidBefore;
        this.#stall = this.#pictures === 0 && invalid > 0 ? garbage(invalid) : stalled(allowedMs);
        this.#abort.abort();
      });
    }, allowedMs);
    const onStop = () => this.#abort.abort();
    stop.addEventListener('abort', onStop);
    try {
      await this.#driver.capture((picture) => {
        if (this.#abort.signal.aborted) return undefined;
        watchdog.refresh();
        return this.#hand(picture, deliver, watchdog);
      }, this.#abort.signal);
      return this.#stall && serialiseError(this.#stall);
    } catch (error) {
      return stop.aborted ? null : serialiseError(this.#stall ?? error);
    } finally {
      clearTimeout(watchdog);
      stop.removeEventListener('abort', onStop);
      this.#abort.abort();
    }
  }

  #hand(
    picture: CapturedPicture,
    deliver: (picture: CapturedPicture) => unknown,
    watchdog: NodeJS.Timeout,
  ): unknown {
    const nowMs = performance.now();
    if (this.#pictures === 0) this.#firstPictureMs = nowMs;
    this.#lastPictureMs = nowMs;
    this.#pictures += 1;
    const taken = deliver(picture);
    if (!(taken instanceof Promise)) return undefined;
    this.#beingTaken += 1;
    return taken.finally(() => {
      this.#beingTaken -= 1;
      if (!this.#abort.signal.aborted) watchdog.refresh();
    });
  }
}

function stalled(allowedMs: number): HeadlandError {
  return new HeadlandError('HL_CAMERA_STALLED', `no picture for ${Math.round(allowedMs)} ms`, {
    remedy: 'Check cable and power of the camera. If it is only slow, raise stallMs of the camera.',
    details: { allowedMs },
  });
}

function garbage(invalidPictures: number): HeadlandError {
  return new HeadlandError(
    'HL_CAMERA_GARBAGE',
    `the camera sends data but no complete picture (${invalidPictures} damaged)`,
    {
      remedy: 'Use a shorter or better cable, a lower resolution, or inputFormat: v4l2-yuyv.',
      details: { invalidPictures },
    },
  );
}
