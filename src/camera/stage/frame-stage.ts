import { HeadlandError, serialiseError } from '../../base/errors.js';
import type { PictureLimits } from '../../vision/picture.js';
import type { Frame } from '../camera.js';
import type { PictureSettings } from '../camera-settings.js';
import { PictureCutter } from './cutter.js';
import { MotionGate } from './motion.js';
import { type CameraQuality, QualityWatch } from './quality-watch.js';

export interface FrameStageEvents {
  /** A frame is ready; nothing before it saw what is masked in it. */
  onFrame(frame: Frame): unknown;
  /** A frame could not be decoded and is gone. */
  onRefused(frame: Frame, error: HeadlandError): void;
  onQuality(quality: CameraQuality): void;
}

interface Waiting {
  frame: Frame;
  settled: () => void;
}

/**
 * What every frame of a camera goes through before anything else sees it: cut and masked, left out
 * when nothing moved, now and then measured. One frame is worked on and at most one waits, the
 * newest; a camera of which nothing of this is asked hands its frames on at once, byte by byte.
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

  /** @param limits pictures that are larger are refused, unless they pass as they are. */
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

  /** Frames left out because they showed what the last one shown did. */
  get stillFrames(): number {
    return this.#stillFrames;
  }

  /** Frames that were replaced by a newer one while they waited here. */
  get droppedFrames(): number {
    return this.#droppedFrames;
  }

  get quality(): CameraQuality | null {
    return this.#watch.quality;
  }

  /**
   * Takes a frame; replaces one that still waits. What it returns settles when nothing more happens
   * to the frame, as far as the receiver says so by a promise of its own; undefined = it already
   * has.
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

  /** The source sent data for a whole run, and not one whole picture. */
  sentGarbage(): void {
    this.#watch.sentGarbage(Date.now(), performance.now());
  }

  /** Nothing is handed on any more. */
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
        // The receiver drops what it has no time for: the next frame need not wait for it.
        void Promise.resolve(taken).then(settled, settled);
      } catch (error) {
        settled();
        this.#measure(frame);
        if (!this.#closed) this.#events.onRefused(frame, asHeadlandError(error));
      }
    }
    this.#working = false;
  }

  /** Null when it is to be left out. */
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
