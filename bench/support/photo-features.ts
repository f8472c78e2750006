import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Embedder } from '../../src/backbone/embedder.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { silentLog } from '../../src/base/log.js';
import { validateConfig } from '../../src/config/load.js';
import type { Photo } from './grocery.js';
import { keptFeaturesFolder, sharedMirrors, userCacheDir } from './places.js';
import { preparedCard } from './prepared-card.js';

export interface Features {
  featureSize: number;
  /** n x featureSize, row-major, in the order of the pictures. */
  features: Float32Array;
}

/** Opens a backbone as the daemon does and hands it to `use`. */
export async function withEmbedder<T>(
  backbone: string,
  use: (embedder: Embedder) => Promise<T>,
): Promise<T> {
  const cacheDir = userCacheDir();
  const config = validateConfig({
    paths: { cacheDir, stateDir: cacheDir },
    models: { backbone, mirrors: sharedMirrors() },
  });
  const opened = await openBackbone({
    card: await preparedCard(config),
    cacheDir,
    threads: 1,
    log: silentLog(),
  });
  try {
    return await use(
      new Embedder(opened, {
        fit: config.inference.fit,
        maxBytes: config.inference.maxPictureBytes,
        maxPixels: config.inference.maxPicturePixels,
      }),
    );
  } finally {
    await opened.close();
  }
}

/** Embeds pictures one after the other. */
export async function embedAll(
  embedder: Embedder,
  pictures: Iterable<Uint8Array>,
): Promise<Features> {
  const rows: Float32Array[] = [];
  for (const picture of pictures) rows.push((await embedder.embedPicture(picture)).features);
  const { featureSize } = embedder.backbone;
  const features = new Float32Array(rows.length * featureSize);
  for (const [i, row] of rows.entries()) features.set(row, i * featureSize);
  return { featureSize, features };
}

/** Features of all grocery photos, embedded once and kept beside the backbones. */
export function groceryFeatures(
  backbone: string,
  found: { folder: string; photos: readonly Pick<Photo, 'path'>[] },
): Promise<Features> {
  return photoFeatures(backbone, found, 'squash');
}

/** Features of photos, embedded once and kept under a name beside the backbones. */
export async function photoFeatures(
  backbone: string,
  { folder, photos }: { folder: string; photos: readonly Pick<Photo, 'path'>[] },
  name: string,
): Promise<Features> {
  const dir = keptFeaturesFolder();
  const file = join(dir, `${backbone}-${name}`);
  const paths = photos.map((photo) => photo.path);
  if (existsSync(`${file}.json`)) {
    const known = JSON.parse(readFileSync(`${file}.json`, 'utf8')) as unknown;
    const bytes = readFileSync(`${file}.f32`);
    const listed = Array.isArray(known) ? known : (known as { paths: string[] }).paths;
    if (JSON.stringify(listed) === JSON.stringify(paths)) {
      const features = new Float32Array(bytes.length / 4);
      new Uint8Array(features.buffer).set(bytes);
      return { featureSize: features.length / paths.length, features };
    }
  }
  const embedded = await withEmbedder(backbone, (embedder) =>
    embedAll(embedder, readEach(folder, paths)),
  );
  mkdirSync(dir, { recursive: true });
  writeFileSync(`${file}.f32.tmp`, new Uint8Array(embedded.features.buffer));
  renameSync(`${file}.f32.tmp`, `${file}.f32`);
  writeFileSync(`${file}.json.tmp`, JSON.stringify(paths));
  renameSync(`${file}.json.tmp`, `${file}.json`);
  return embedded;
}

function* readEach(folder: string, paths: readonly string[]): Generator<Uint8Array> {
  for (const path of paths) yield readFileSync(join(folder, path));
}
