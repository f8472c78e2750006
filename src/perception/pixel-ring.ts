/**
 * Slots in shared memory for decoded images on their way to the worker, so that each image is
 * copied once and leaves no garbage. A slot is written only between its allocation and the
 * hand-over, and allocated again only after its reader has released it, so that no image is ever
 * torn.
 */
export class PixelRing {
  readonly #slots: Uint8Array[];
  readonly #free: number[];

  /** @param buffers one per slot, all of the size of a decoded image */
  constructor(buffers: readonly SharedArrayBuffer[]) {
    this.#slots = buffers.map((buffer) => new Uint8Array(buffer));
    this.#free = buffers.map((_, slot) => slot);
  }

  /** Copies an image into a free slot and returns its number; null: none is free. */
  put(pixels: Uint8Array): number | null {
    const slot = this.#free.pop();
    if (slot === undefined) return null;
    this.#slots[slot]!.set(pixels);
    return slot;
  }

  /** Must be called when the reader has finished with a slot. */
  release(slot: number): void {
    this.#free.push(slot);
  }
}

/** Buffers for a ring of `slots` RGB images of `sizePixels` x `sizePixels`. */
export function pixelBuffers(slots: number, sizePixels: number): SharedArrayBuffer[] {
  return Array.from({ length: slots }, () => new SharedArrayBuffer(sizePixels * sizePixels * 3));
}
