import { settledOrAborted } from '../../base/pause.js';
import type { PictureReceiver } from '../camera.js';
import { JpegSplitter } from './jpeg-stream.js';

const MAX_PICTURE_BYTES = 32 * 1024 * 1024;

export interface JpegCapture {
  /** A source that is faster than this is thinned; null = every picture is delivered. */
  framesPerSecond: number | null;
  /** The source waits until a receiver that returns a promise has settled it. */
  waits: boolean;
  onPicture: PictureReceiver;
  /** Called with the number of broken pictures seen since the last call, when there were any. */
  onInvalid(count: number): void;
}

/** Cuts bytes into JPEGs and hands them on at the pace that is wanted. */
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

  /** Whole pictures that came, also those that were left out for being too fast. */
  get pictures(): number {
    return this.#pictures;
  }

  /** JPEGs since {@link begin} that broke off or were malformed behind their frame header. */
  get damaged(): number {
    return this.#splitter.damagedPictures;
  }

  /** Since {@link begin}. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Another stream begins; nothing of the one before continues in it. */
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

  /** No more bytes will come. */
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
