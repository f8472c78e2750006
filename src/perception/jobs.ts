import type { Eye } from '../base/words/eye.js';
import type { RgbImage } from '../vision/image.js';
import type { Perceived, Seen, TaskAnswer } from './perception-protocol.js';

/** The part of a frame that perception needs; the caller gets its own frame back whole. */
export interface PerceivableFrame extends Eye {
  jpeg: Uint8Array;
  /** Begun before other frames, whatever the rate limit, and never replaced by a newer frame. */
  requested?: true;
  /** Id of a stored sample: only its features are wanted, when no frame waits. */
  stored?: string;
}

export interface Waiting<F> {
  frame: F;
  /** Called when the frame was perceived, refused, replaced or abandoned. */
  settled: () => void;
}

/** A frame in work. */
export interface Job<F> extends Waiting<F> {
  id: number;
  /** Start of its decoding. */
  startMs: number;
  decodeMs: number;
}

/** A frame whose pixels are in the ring. */
export interface DecodedJob<F> extends Job<F> {
  image: RgbImage;
  slot: number;
  /** Difference hash of `image`; empty until the worker has the image. */
  dhash: string;
  /** When the worker received the frame, or finished the one before, if that was later. */
  forwardSinceMs: number;
}

/** The result of a frame, with the times of both threads. */
export function perceived(
  job: DecodedJob<PerceivableFrame>,
  { features, timings }: Seen,
  answers: TaskAnswer[],
): Perceived {
  const { decodeMs, dhash, startMs } = job;
  const totalMs = performance.now() - startMs;
  return { answers, features, dhash, timings: { decodeMs, ...timings, totalMs } };
}
