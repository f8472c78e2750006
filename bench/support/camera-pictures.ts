import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { sharedFolder } from './places.js';

/** Twenty pictures: photos where the data set is there, else drawn noise over gradients. */
export async function sourcePictures(): Promise<Uint8Array[]> {
  const shared = sharedFolder();
  const folder = shared === null ? null : join(shared, 'data/grocery/Apple');
  const photos =
    folder === null
      ? []
      : readdirSync(folder)
          .slice(0, 20)
          .map((file) => readFileSync(join(folder, file)));
  if (photos.length > 0) return photos;
  return Promise.all(
    Array.from({ length: 20 }, (_, seed) => {
      const data = Uint8Array.from(
        { length: 160 * 120 * 3 },
        (__, i) => (i * (seed + 7) * 31) & 255,
      );
      return sharp(data, { raw: { width: 160, height: 120, channels: 3 } })
        .png()
        .toBuffer();
    }),
  );
}

/** A picture as a camera of this resolution would give it. */
export function jpegOf(source: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  return sharp(source).resize(width, height, { fit: 'fill' }).jpeg({ quality: 85 }).toBuffer();
}

/** {@link sourcePictures} as 640 x 480 JPEGs. */
export async function cameraPictures(): Promise<Uint8Array[]> {
  const sources = await sourcePictures();
  return Promise.all(sources.map((source) => jpegOf(source, 640, 480)));
}
