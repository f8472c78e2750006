import sharp from 'sharp';

/** Colour of a pixel, [x, y] from the upper left corner, 0..255 a channel. */
export type Paint = (x: number, y: number) => readonly [number, number, number];

/** A JPEG of `width` x `height` pixels in the colours that `paint` gives, nearly without loss. */
export async function paintJpeg(
  width: number,
  height: number,
  paint: Paint,
  options: { orientation?: number } = {},
): Promise<Uint8Array> {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) pixels.set(paint(x, y), 3 * (y * width + x));
  }
  let image = sharp(pixels, { raw: { width, height, channels: 3 } });
  if (options.orientation) image = image.withMetadata({ orientation: options.orientation });
  return image.jpeg({ quality: 98, chromaSubsampling: '4:4:4' }).toBuffer();
}

/** The pixels of a picture as they are encoded, 3 channels. */
export async function pixelsIn(picture: Uint8Array) {
  const { data, info } = await sharp(picture)
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [...data.subarray(3 * (y * info.width + x)).subarray(0, 3)];
  return { width: info.width, height: info.height, at };
}

/** Whether a colour is as good as another: JPEG changes each channel a little. */
export function isNear(colour: readonly number[], other: readonly number[], by = 12): boolean {
  return colour.every((value, channel) => Math.abs(value - other[channel]!) <= by);
}
