import { HeadlandError } from '../../base/errors.js';
import { eyeOf } from '../../base/words/eye.js';
import type { Frame } from '../../camera/camera.js';
import type { Perceived } from '../../perception/perception-protocol.js';

export interface RecentFrame {
  frameId: string;
  frame: Frame;
  perceived: Perceived;
  /**
   * Checksum of the backbone that embedded it; null: not known. Another backbone may run by the time
   * the frame is labelled.
   */
  backboneChecksum: string | null;
}

/** The last frames with their decisions, kept in memory so that they can still be labelled. */
export class RecentFrames {
  readonly #byId = new Map<string, RecentFrame>();
  #bytes = 0;

  constructor(private readonly limits: { maxFrames: number; maxBytes: number }) {}

  add(recent: RecentFrame): void {
    this.#byId.set(recent.frameId, recent);
    this.#bytes += recent.frame.jpeg.byteLength;
    for (const [frameId, oldest] of this.#byId) {
      const tooMany = this.#byId.size > this.limits.maxFrames || this.#bytes > this.limits.maxBytes;
      if (!tooMany || this.#byId.size === 1) break;
      this.#byId.delete(frameId);
      this.#bytes -= oldest.frame.jpeg.byteLength;
    }
  }

  get(frameId: string): RecentFrame | undefined {
    return this.#byId.get(frameId);
  }

  /** @throws HeadlandError HL_FRAME_GONE */
  remembered(frameId: string): RecentFrame {
    const found = this.#byId.get(frameId);
    if (found) return found;
    throw new HeadlandError('HL_FRAME_GONE', `frame "${frameId}" is no longer in memory`, {
      remedy:
        'Label a newer frame, or send `snapshot` first and label its sample_id. samples.recentFrames sets how many frames are kept.',
      details: { frameId },
    });
  }

  /** The newest frame of one camera that a task has decided on, by default of any camera and any task. */
  latest(eye?: string, task?: string): RecentFrame | undefined {
    let newest: RecentFrame | undefined;
    for (const recent of this.#byId.values()) {
      const { frame, perceived } = recent;
      const isOfEye = eye === undefined || eyeOf(frame) === eye || frame.camera === eye;
      const isOfTask =
        task === undefined || perceived.answers.some((answer) => answer.task === task);
      if (isOfEye && isOfTask) newest = recent;
    }
    return newest;
  }
}
