import type { RgbImage } from '../vision/image.js';

/**
 * An image that every machine draws with the same bytes: two colour gradients, a checkerboard and a
 * disc, so that edges, textures and colours all matter. The golden features of the cards are those
 * of this image.
 * @param size Side of the square, pixels.
 */
export function drawCheckPicture(size: number): RgbImage {
  const data = new Uint8Array(size * size * 3);
  const third = Math.floor(size / 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const i = (y * size + x) * 3;
      const dx = 2 * x - size;
      const dy = 2 * y - size;
      const disc = dx * dx + dy * dy < third * third * 4;
      const board = ((x >> 4) + (y >> 4)) % 2 === 0;
      data[i] = disc ? 230 : Math.floor((255 * x) / size);
      data[i + 1] = disc ? 120 + (board ? 40 : 0) : Math.floor((255 * y) / size);
      data[i + 2] = disc ? 20 : board ? 200 : 60;
    }
  }
  return { width: size, height: size, data };
}

/** An image of a single grey: the other extreme of what a camera may deliver. */
export function drawConstantPicture(size: number, value: number): RgbImage {
  return { width: size, height: size, data: new Uint8Array(size * size * 3).fill(value) };
}
