/**
 * Decoded pictures on their way to the worker: slots in memory that both threads see, so that a
 * picture is copied once and leaves nothing to collect. A slot is written only between its taking
 * and the hand-over, and taken again only when its reader has given it back: no picture is torn.
 */
export class PixelRing {
  readonly #slots: Uint8Array[];
  readonly #free: number[];

  /** @param buffers one a slot, all of the size of a decoded picture */
  constructor(buffers: readonly SharedArrayBuffer[]) {
    this.#slots = buffers.map((buffer) => new Uint8Array(buffer));
    this.#free = buffers.map((_, slot) => slot);
  }

  /** Copies a picture into a free slot and returns its number; null: none is free. */
  put(pixels: Uint8Array): number | null {
    const slot = this.#free.pop();
    if (slot === undefined) return null;
    this.#slots[slot]!.set(pixels);
    return slot;
  }

  /** To be called when the reader is done with a slot. */
  release(slot: number): void {
    this.#free.push(slot);
  }
}

/** Buffers for a ring of `slots` RGB pictures of `sizePixels` x `sizePixels`. */
export function pixelBuffers(slots: number, sizePixels: number): SharedArrayBuffer[] {
  return Array.from({ length: slots }, () => new SharedArrayBuffer(sizePixels * sizePixels * 3));
}
