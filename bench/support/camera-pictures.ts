import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { sharedFolder } from './places.js';

/** Twenty 640 x 480 JPEGs: photos where the data set is there, else drawn noise over gradients. */
export async function cameraPictures(): Promise<Uint8Array[]> {
  const shared = sharedFolder();
  const folder = shared === null ? null : join(shared, 'data/grocery/Apple');
  const sources =
    folder === null
      ? []
      : readdirSync(folder)
          .slice(0, 20)
          .map((file) => readFileSync(join(folder, file)));
  if (sources.length === 0) {
    for (let seed = 0; seed < 20; seed++) {
      const data = Buffer.from(
        Uint8Array.from({ length: 160 * 120 * 3 }, (_, i) => (i * (seed + 7) * 31) & 255),
      );
      sources.push(
        await sharp(data, { raw: { width: 160, height: 120, channels: 3 } })
          .png()
          .toBuffer(),
      );
    }
  }
  return Promise.all(
    sources.map((source) =>
      sharp(source).resize(640, 480, { fit: 'fill' }).jpeg({ quality: 85 }).toBuffer(),
    ),
  );
}
