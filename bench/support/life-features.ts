import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Backbone } from '../../src/backbone/backbone.js';
import {
  augmentationRecipe,
  type EmbeddedPicture,
  Embedder,
  type EmbedderOptions,
} from '../../src/backbone/embedder.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { silentLog } from '../../src/base/log.js';
import type { Config } from '../../src/config/schema.js';
import type { RgbImage } from '../../src/vision/image.js';
import { altered, type Kind } from './life-alter.js';
import { keep, lifeCache, readKept } from './life-places.js';
import { preparedCard } from './prepared-card.js';

/**
 * The product's embedder with a memory on the disk: a picture or view goes through the backbone
 * once in all runs. Views are drawn from the picture's checksum instead of the sample's id, which
 * is another one in each life; `exact` draws and computes everything as the product does.
 */
export class KeepingEmbedder extends Embedder {
  /** Pictures that were not decoded yet, by the stand-in that was given out for them. */
  readonly #undecoded = new WeakMap<RgbImage, { sha256: string; bytes: Uint8Array }>();
  /** Forward passes so far. */
  forwards = 0;

  constructor(
    backbone: Backbone,
    options: EmbedderOptions,
    private readonly exact: boolean,
  ) {
    super(backbone, options);
  }

  override async embedPicture(bytes: Uint8Array): Promise<EmbeddedPicture> {
    if (this.exact) return super.embedPicture(bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const features = await this.#kept(sha256, 'original', async () => {
      return (await super.embedPicture(bytes)).features;
    });
    const image: RgbImage = { width: 0, height: 0, data: new Uint8Array(0) };
    this.#undecoded.set(image, { sha256, bytes });
    return { features, image, decodeMs: 0, forwardMs: 0 };
  }

  override async embedView(
    ...[image, view, settings, seed, sampleId]: Parameters<Embedder['embedView']>
  ): Promise<Float32Array> {
    const known = this.#undecoded.get(image);
    if (!known) return super.embedView(image, view, settings, seed, sampleId);
    const { sha256, bytes } = known;
    return this.#kept(sha256, `${augmentationRecipe(settings, seed)}-${view}`, async () => {
      return super.embedView(await this.decode(bytes), view, settings, seed, sha256);
    });
  }

  /** Features of a test photo as perception computes them, altered before it is decoded. */
  async embedFile(path: string, sha256: string, kind: Kind): Promise<Float32Array> {
    const name = kind === 'original' ? kind : `altered-1-${kind}`;
    return this.#kept(sha256, name, async () => {
      const bytes = readFileSync(path);
      const seen = kind === 'original' ? bytes : await altered(bytes, kind);
      return (await super.embedPicture(seen)).features;
    });
  }

  async #kept(
    sha256: string,
    name: string,
    compute: () => Promise<Float32Array>,
  ): Promise<Float32Array> {
    const folder = join(lifeCache(), 'features', this.checksum.slice(0, 16), sha256.slice(0, 2));
    const path = join(folder, `${sha256}-${name}.f32`);
    const bytes = readKept(path);
    if (bytes) return new Float32Array(new Uint8Array(bytes).buffer);
    const features = await compute();
    this.forwards += 1;
    keep(path, new Uint8Array(features.buffer, features.byteOffset, features.byteLength));
    return features;
  }
}

/** Opens the configured backbone as the product does. */
export async function openKeepingEmbedder(
  config: Config,
  { exact = false } = {},
): Promise<KeepingEmbedder> {
  const card = await preparedCard(config);
  const { inference, paths } = config;
  const { cacheDir } = paths;
  const backbone = await openBackbone({
    card,
    cacheDir,
    threads: inference.threads,
    log: silentLog(),
  });
  const options = {
    fit: inference.fit,
    maxBytes: inference.maxPictureBytes,
    maxPixels: inference.maxPicturePixels,
  };
  return new KeepingEmbedder(backbone, options, exact);
}
