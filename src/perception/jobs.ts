import type { RgbImage } from '../vision/image.js';
import type { Perceived, Seen } from './perception-protocol.js';

/** The least that perception must know of a frame; the caller's own frame comes back whole. */
export interface PerceivableFrame {
  camera: string;
  jpeg: Uint8Array;
}

export interface Waiting<F> {
  frame: F;
  /** Called when the frame was perceived, refused, replaced or given up. */
  settled: () => void;
}

/** A frame in work. */
export interface Job<F> extends Waiting<F> {
  id: number;
  /** When its decoding began. */
  startMs: number;
  decodeMs: number;
}

/** A frame whose pixels lie in the ring. */
export interface DecodedJob<F> extends Job<F> {
  image: RgbImage;
  slot: number;
  /** Of `image`; empty until the worker has it. */
  dhash: string;
  /** When the worker got it, or was done with the one before, if that came later. */
  forwardSinceMs: number;
}

/** What became of a frame, with the times that both threads took for it. */
export function perceived(job: DecodedJob<PerceivableFrame>, seen: Seen): Perceived {
  const { decodeMs, dhash, startMs } = job;
  const totalMs = performance.now() - startMs;
  return { ...seen, dhash, timings: { decodeMs, ...seen.timings, totalMs } };
}
