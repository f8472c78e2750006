import { HeadlandError, serialiseError } from '../../base/errors.js';
import type { PictureLimits } from '../../vision/picture.js';
import type { Frame } from '../camera.js';
import type { PictureSettings } from '../camera-settings.js';
import { referencesOfRegion } from '../reference.js';
import { type CutPicture, PictureCutter } from './cutter.js';
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
 * Preprocesses every frame of a camera: crops and masks it, divides it into regions, skips those in
 * which nothing moved, and measures its quality at intervals. It works on one frame at a time, and
 * only the newest frame waits. If none of this is configured, frames pass at once, byte for byte.
 */
export class FrameStage {
  readonly #cutter: PictureCutter;
  /** One for each region; empty: every picture passes. */
  readonly #motion: ReadonlyMap<string | null, MotionGate>;
  readonly #hasRegions: boolean;
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
    const { masks, wholeMask } = this.#cutter;
    const { onlyWhenMoving } = settings;
    this.#motion = new Map(
      onlyWhenMoving
        ? [...masks].map(([region, mask]) => [region, new MotionGate(onlyWhenMoving, mask, limits)])
        : [],
    );
    this.#hasRegions = !masks.has(null);
    // The lens is judged by the whole picture, not by each region.
    const mask = masks.get(null) ?? wholeMask;
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

  /** Names of the regions; empty: the whole image is one. */
  get regions(): string[] {
    return [...this.#cutter.masks.keys()].filter((region) => region !== null);
  }

  get quality(): CameraQuality | null {
    return this.#watch.quality;
  }

  /**
   * Accepts a frame; replaces one that still waits, unless that one was requested.
   * @returns a promise that settles when the frame was processed, dropped, or settled by the
   *   receiver; undefined if that has already happened
   */
  submit(frame: Frame): unknown {
    if (this.#closed) return undefined;
    if (!this.#cutter.changesPictures && this.#motion.size === 0) return this.#hand(frame);
    if (this.#waiting) {
      this.#droppedFrames += 1;
      if (this.#waiting.frame.requested && !frame.requested) return undefined;
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
        if (this.#hasRegions) this.#measure(frame);
        const taken = this.#closed ? [] : prepared.map((each) => this.#hand(each));
        // The receiver drops frames when it is busy, so the next frame need not wait for it.
        void Promise.allSettled(taken).then(() => settled());
      } catch (error) {
        settled();
        this.#measure(frame);
        if (!this.#closed) this.#events.onRefused(frame, asHeadlandError(error));
      }
    }
    this.#working = false;
  }

  /** Crops, masks and divides a frame; without the regions in which nothing moved. */
  async #prepare(frame: Frame): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (const { region, jpeg } of await this.#cutter.cut(frame.jpeg)) {
      const motion = this.#motion.get(region);
      const moved = !motion || (await motion.passes(jpeg, performance.now()));
      if (!moved && !frame.requested) this.#stillFrames += 1;
      else frames.push(partOf(frame, { region, jpeg }));
    }
    return frames;
  }

  #hand(frame: Frame): unknown {
    if (!this.#hasRegions) this.#measure(frame);
    return this.#events.onFrame(frame);
  }

  #measure(frame: Frame): void {
    void this.#watch.observe(frame.jpeg, frame.capturedAtMs, performance.now());
  }
}

function partOf(frame: Frame, { region, jpeg }: CutPicture): Frame {
  if (jpeg === frame.jpeg) return frame;
  if (region === null) return { ...frame, jpeg };
  return { ...frame, jpeg, region, references: referencesOfRegion(frame, region) };
}

function asHeadlandError(error: unknown): HeadlandError {
  if (error instanceof HeadlandError) return error;
  const { code, message, remedy, details } = serialiseError(error);
  return new HeadlandError(code, message, { remedy, details, cause: error });
}
