import { settledOrAborted } from '../../base/pause.js';
import type { PictureReceiver } from '../camera.js';
import { JpegSplitter } from './jpeg-stream.js';

const MAX_PICTURE_BYTES = 32 * 1024 * 1024;

export interface JpegCapture {
  /** Limit of the delivered frame rate; null = every picture is delivered. */
  framesPerSecond: number | null;
  /** Whether the source waits for the promise of the receiver. */
  waits: boolean;
  onPicture: PictureReceiver;
  /** Called with the number of broken pictures since the last call, if there were any. */
  onInvalid(count: number): void;
}

/** Splits a byte stream into JPEGs and delivers them at up to the requested frame rate. */
export class JpegDelivery {
  readonly #capture: JpegCapture;
  readonly #signal: AbortSignal;
  readonly #limit: PaceLimit | null;
  #splitter = new JpegSplitter(MAX_PICTURE_BYTES);
  #invalid = 0;
  #pictures = 0;
  #bytes = 0;

  constructor(capture: JpegCapture, signal: AbortSignal) {
    this.#capture = capture;
    this.#signal = signal;
    this.#limit = capture.framesPerSecond === null ? null : new PaceLimit(capture.framesPerSecond);
  }

  /** Complete pictures received, including those dropped by the frame rate limit. */
  get pictures(): number {
    return this.#pictures;
  }

  /** JPEGs since {@link begin} that were truncated or malformed after their frame header. */
  get damaged(): number {
    return this.#splitter.damagedPictures;
  }

  /** Bytes received since {@link begin}. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Starts a new stream, independent of the previous one. */
  begin(): void {
    this.#splitter = new JpegSplitter(MAX_PICTURE_BYTES);
    this.#invalid = 0;
    this.#bytes = 0;
  }

  async take(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.length;
    const found = this.#splitter.push(chunk);
    this.#countInvalid();
    for (const jpeg of found) {
      if (this.#signal.aborted) return;
      this.#pictures += 1;
      if (this.#limit && !this.#limit.admits(performance.now())) continue;
      const taken = this.#capture.onPicture({ jpeg });
      if (this.#capture.waits) await settledOrAborted(taken, this.#signal);
    }
  }

  /** Ends the stream. */
  end(): void {
    this.#splitter.end();
    if (!this.#signal.aborted) this.#countInvalid();
  }

  #countInvalid(): void {
    const { invalidPictures } = this.#splitter;
    if (invalidPictures > this.#invalid) this.#capture.onInvalid(invalidPictures - this.#invalid);
    this.#invalid = invalidPictures;
  }
}

class PaceLimit {
  readonly #intervalMs: number;
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(framesPerSecond: number) {
    this.#intervalMs = 1_000 / framesPerSecond;
  }

  admits(nowMs: number): boolean {
    if (nowMs < this.#dueMs - this.#intervalMs / 4) return false;
    this.#dueMs = Math.max(this.#dueMs, nowMs - this.#intervalMs) + this.#intervalMs;
    return true;
  }
}
