// Prints pixels as the project makes them, one JSON line a picture, for fixtures/write_oracles.py:
//   node pixels.js check SIZE | node pixels.js photos GROCERY_DIR SIZE
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawCheckPicture } from '../../src/backbone/check-picture.js';
import { decodePicture } from '../../src/vision/decode.js';
import type { RgbImage } from '../../src/vision/image.js';

const PHOTOS = 10;

function print(name: string, image: RgbImage): void {
  const rgb = Buffer.from(image.data).toString('base64');
  process.stdout.write(`${JSON.stringify({ name, size: image.width, rgb })}\n`);
}

const [what, ...rest] = process.argv.slice(2);
if (what === 'check') {
  print('check', drawCheckPicture(Number(rest[0])));
} else {
  const [dir, size] = rest as [string, string];
  for (const label of readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .slice(0, PHOTOS)) {
    const file = readdirSync(join(dir, label)).sort()[0] as string;
    const image = await decodePicture(readFileSync(join(dir, label, file)), {
      sizePixels: Number(size),
      fit: 'squash',
      maxBytes: 8_388_608,
      maxPixels: 25_000_000,
    });
    print(`${label}/${file}`, image);
  }
}
