import { thumbnail } from '../../vision/scale-down.js';
import type { SampleStore } from '../store.js';

/** Long side, pixels. */
const SIDE_PX = 256;
const MAX_CACHED_BYTES = 4_000_000;
/** The decoder has its own threads; more would take the cores from the backbone. */
const MAX_DECODING = 2;

export interface ThumbnailOptions {
  maxPictureBytes: number;
  maxPicturePixels: number;
}

/** Small images of samples, made when they are asked for, at most two at a time. */
export class Thumbnails {
  /** The one that was asked for last comes last. */
  readonly #cached = new Map<string, Uint8Array>();
  readonly #making = new Map<string, Promise<Uint8Array | null>>();
  readonly #waiting: (() => void)[] = [];
  #cachedBytes = 0;
  #decoding = 0;

  constructor(
    private readonly store: Pick<SampleStore, 'picture'>,
    private readonly options: ThumbnailOptions,
  ) {}

  /**
   * WebP; null: there is no picture.
   * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
   */
  async of(id: string): Promise<Uint8Array | null> {
    const cached = this.#cached.get(id);
    if (cached) {
      this.#cached.delete(id);
      this.#cached.set(id, cached);
      return cached;
    }
    const known = this.#making.get(id);
    if (known) return known;
    const making = this.#make(id).finally(() => this.#making.delete(id));
    this.#making.set(id, making);
    return making;
  }

  async #make(id: string): Promise<Uint8Array | null> {
    if (this.#decoding >= MAX_DECODING) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#decoding += 1;
    }
    try {
      // Read only now: pictures that wait their turn take no memory.
      const picture = this.store.picture(id);
      if (picture === null) return null;
      const { maxPictureBytes: maxBytes, maxPicturePixels: maxPixels } = this.options;
      const made = await thumbnail(picture, SIDE_PX, { maxBytes, maxPixels });
      this.#keep(id, made);
      return made;
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#decoding -= 1;
    }
  }

  #keep(id: string, bytes: Uint8Array): void {
    this.#cached.set(id, bytes);
    this.#cachedBytes += bytes.length;
    for (const [oldest, { length }] of this.#cached) {
      if (this.#cachedBytes <= MAX_CACHED_BYTES) return;
      this.#cached.delete(oldest);
      this.#cachedBytes -= length;
    }
  }
}
