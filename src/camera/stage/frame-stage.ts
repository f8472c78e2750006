import { HeadlandError, serialiseError } from '../../base/errors.js';
import type { PictureLimits } from '../../vision/picture.js';
import type { Frame } from '../camera.js';
import type { PictureSettings } from '../camera-settings.js';
import { PictureCutter } from './cutter.js';
import { MotionGate } from './motion.js';
import { type CameraQuality, QualityWatch } from './quality-watch.js';

export interface FrameStageEvents {
  /** A frame is ready, cropped and masked. */
  onFrame(frame: Frame): unknown;
  /** A frame could not be decoded and was dropped. */
  onRefused(frame: Frame, error: HeadlandError): void;
  onQuality(quality: CameraQuality): void;
}

interface Waiting {
  frame: Frame;
  settled: () => void;
}

/**
 * Preprocesses every frame of a camera: crops and masks it, skips it when nothing moved, and
 * measures its quality at intervals. It works on one frame at a time, and only the newest frame
 * waits. If none of this is configured, frames pass at once, byte for byte.
 */
export class FrameStage {
  readonly #cutter: PictureCutter;
  readonly #motion: MotionGate | null;
  readonly #watch: QualityWatch;
  readonly #events: FrameStageEvents;
  #waiting: Waiting | null = null;
  #working = false;
  #closed = false;
  #stillFrames = 0;
  #droppedFrames = 0;

  /** @param limits of pictures that must be decoded; larger ones are refused */
  constructor(settings: PictureSettings, limits: PictureLimits, events: FrameStageEvents) {
    this.#events = events;
    this.#cutter = new PictureCutter(settings, limits);
    const { mask } = this.#cutter;
    this.#motion = settings.onlyWhenMoving
      ? new MotionGate(settings.onlyWhenMoving, mask, limits)
      : null;
    this.#watch = new QualityWatch(settings.quality, mask, limits, (quality) =>
      this.#events.onQuality(quality),
    );
  }

  /** Frames skipped because nothing moved since the last one passed on. */
  get stillFrames(): number {
    return this.#stillFrames;
  }

  /** Frames that were replaced by a newer one while waiting here. */
  get droppedFrames(): number {
    return this.#droppedFrames;
  }

  get quality(): CameraQuality | null {
    return this.#watch.quality;
  }

  /**
   * Accepts a frame; replaces one that still waits.
   * @returns a promise that settles when the frame was processed, dropped, or settled by the
   *   receiver; undefined if that has already happened
   */
  submit(frame: Frame): unknown {
    if (this.#closed) return undefined;
    if (!this.#cutter.changesPictures && !this.#motion) return this.#hand(frame);
    if (this.#waiting) {
      this.#droppedFrames += 1;
      this.#waiting.settled();
    }
    return new Promise<void>((settled) => {
      this.#waiting = { frame, settled };
      if (!this.#working) void this.#work();
    });
  }

  /** Reports that the source sent data during a whole run but no complete picture. */
  sentGarbage(): void {
    this.#watch.sentGarbage(Date.now(), performance.now());
  }

  /** Stops passing frames on. */
  close(): void {
    this.#closed = true;
    this.#waiting?.settled();
    this.#waiting = null;
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#waiting) {
      const { frame, settled } = this.#waiting;
      this.#waiting = null;
      try {
        const prepared = await this.#prepare(frame);
        const taken = prepared && !this.#closed ? this.#hand(prepared) : undefined;
        // The receiver drops frames when it is busy, so the next frame need not wait for it.
        void Promise.resolve(taken).then(settled, settled);
      } catch (error) {
        settled();
        this.#measure(frame);
        if (!this.#closed) this.#events.onRefused(frame, asHeadlandError(error));
      }
    }
    this.#working = false;
  }

  /** Crops and masks a frame; null when it is skipped because nothing moved. */
  async #prepare(frame: Frame): Promise<Frame | null> {
    const jpeg = await this.#cutter.cut(frame.jpeg);
    if (this.#motion && !(await this.#motion.passes(jpeg, performance.now()))) {
      this.#stillFrames += 1;
      return null;
    }
    return jpeg === frame.jpeg ? frame : { ...frame, jpeg };
  }

  #hand(frame: Frame): unknown {
    this.#measure(frame);
    return this.#events.onFrame(frame);
  }

  #measure(frame: Frame): void {
    void this.#watch.observe(frame.jpeg, frame.capturedAtMs, performance.now());
  }
}

function asHeadlandError(error: unknown): HeadlandError {
  if (error instanceof HeadlandError) return error;
  const { code, message, remedy, details } = serialiseError(error);
  return new HeadlandError(code, message, { remedy, details, cause: error });
}
