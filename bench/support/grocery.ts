import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { augmentationRecipe, Embedder } from '../../src/backbone/embedder.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { silentLog } from '../../src/base/log.js';
import { validateConfig } from '../../src/config/load.js';
import { type AugmentationSettings, applyAugmentation } from '../../src/vision/augment.js';
import { keptFeaturesFolder, sharedFolder, sharedMirrors, userCacheDir } from './places.js';
import { preparedCard } from './prepared-card.js';

/** A photo of the grocery data set (see the README beside it). */
export interface Photo {
  /** Below the data set's folder: `Apple/train_….jpg`. */
  path: string;
  label: string;
  split: 'train' | 'test';
  /** Photos that were taken together: split, variety and number div 10. */
  group: string;
}

/** Photos in order of path; null where the data set is not there. */
export function groceryPhotos(): { folder: string; photos: Photo[] } | null {
  const shared = sharedFolder();
  const folder = shared === null ? null : join(shared, 'data/grocery');
  if (folder === null || !existsSync(folder)) return null;
  const photos: Photo[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    for (const file of readdirSync(join(folder, entry.name))) {
      const name = /^(train|test)_(.*?)_.*?(\d+)\.jpg$/i.exec(file);
      if (!name) continue;
      const [, split, variety, number] = name;
      photos.push({
        path: `${entry.name}/${file}`,
        label: entry.name,
        split: split as 'train' | 'test',
        group: `${split}/${variety}/${Math.floor(Number(number) / 10)}`,
      });
    }
  }
  photos.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { folder, photos };
}

/** Which pictures of the photos go through the backbone. */
export type View =
  | { kind: 'original' }
  | { kind: 'flip' }
  | { kind: 'augmented'; settings: AugmentationSettings; seed: number; number: number };

/** Features of the photos in their order: rows x featureSize. */
export interface Features {
  data: Float32Array;
  featureSize: number;
}

/** Extracts features of the grocery photos through the project's own embedder, each only once. */
export class FeatureCache {
  readonly #folder = keptFeaturesFolder();

  constructor(
    private readonly card: string,
    private readonly dataFolder: string,
  ) {
    mkdirSync(this.#folder, { recursive: true });
  }

  async features(photos: readonly Photo[], views: readonly View[]): Promise<Features[]> {
    const files = views.map((view) => join(this.#folder, this.#name(photos, view)));
    const missing = files.flatMap((file, i) => (existsSync(`${file}.f32`) ? [] : [i]));
    if (missing.length > 0) await this.#extract(photos, views, files, missing);
    return files.map((file) => {
      const bytes = readFileSync(`${file}.f32`);
      const data = new Float32Array(new Uint8Array(bytes).buffer);
      return { data, featureSize: data.length / photos.length };
    });
  }

  /** Where the features of a view lie: Float32, photos x featureSize. */
  file(photos: readonly Photo[], view: View): string {
    return `${join(this.#folder, this.#name(photos, view))}.f32`;
  }

  #name(photos: readonly Photo[], view: View): string {
    const part = photos.every((photo) => photo.split === 'train') ? '-train' : '';
    const base = `${this.card}-squash${part}`;
    if (view.kind === 'original') return base;
    if (view.kind === 'flip') return `${base}-flip`;
    return `${base}-${augmentationRecipe(view.settings, view.seed)}-${view.number}`;
  }

  async #extract(
    photos: readonly Photo[],
    views: readonly View[],
    files: readonly string[],
    missing: readonly number[],
  ): Promise<void> {
    const cacheDir = userCacheDir();
    const config = validateConfig({
      paths: { cacheDir, stateDir: cacheDir },
      models: { mirrors: sharedMirrors() },
    });
    const card = await preparedCard(config, this.card);
    const backbone = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
    const embedder = new Embedder(backbone, {
      fit: 'squash',
      maxBytes: config.inference.maxPictureBytes,
      maxPixels: config.inference.maxPicturePixels,
    });
    const size = backbone.featureSize;
    const out = missing.map(() => new Float32Array(photos.length * size));
    for (const [row, photo] of photos.entries()) {
      const bytes = readFileSync(join(this.dataFolder, photo.path));
      const { features, image } = await embedder.embedPicture(bytes);
      for (const [m, i] of missing.entries()) {
        const view = views[i] as View;
        const vector =
          view.kind === 'original'
            ? features
            : view.kind === 'flip'
              ? await backbone.embed(applyAugmentation(image, FLIP))
              : await embedder.embedView(image, view.number, view.settings, view.seed, photo.path);
        out[m]?.set(vector, row * size);
      }
    }
    await backbone.close();
    for (const [m, i] of missing.entries()) {
      const file = files[i] as string;
      writeFileSync(`${file}.${process.pid}`, out[m] as Float32Array);
      const about = { card: this.card, inputSize: backbone.inputSize, checksum: backbone.checksum };
      const paths = photos.map((photo) => photo.path);
      writeFileSync(`${file}.json`, `${JSON.stringify({ ...about, featureSize: size, paths })}\n`);
      renameSync(`${file}.${process.pid}`, `${file}.f32`);
    }
  }
}

const FLIP = {
  rotationDegrees: 0,
  rowShift: 0,
  columnShift: 0,
  shearDegrees: 0,
  rowZoom: 1,
  columnZoom: 1,
  channelShift: 0,
  horizontalFlip: true,
  verticalFlip: false,
  brightness: 1,
  fill: 'nearest' as const,
  fillValue: 0,
};
