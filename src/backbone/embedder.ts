import { sha256Hex } from '../base/hash.js';
import { createRandom, seedFrom } from '../base/random.js';
import {
  type AugmentationSettings,
  applyAugmentation,
  drawAugmentation,
} from '../vision/augment.js';
import { decodePicture } from '../vision/decode.js';
import type { Fit, RgbImage } from '../vision/image.js';
import { applyPhotometricChange, drawPhotometricChange } from '../vision/photometric.js';
import type { Backbone } from './backbone.js';

export interface EmbedderOptions {
  fit: Fit;
  /** Largest image file. */
  maxBytes: number;
  /** Largest decoded image. */
  maxPixels: number;
}

export interface EmbeddedPicture {
  /** Backbone.featureSize values. */
  features: Float32Array;
  /** The input of the backbone: inputSize x inputSize. */
  image: RgbImage;
  decodeMs: number;
  /** Duration of normalisation and forward pass. */
  forwardMs: number;
}

/** The only way from an image file to features, for serving and training. */
export class Embedder {
  /**
   * Identifies its features: the backbone's checksum for `squash`, another value for `crop`,
   * because features of different fits must not mix, just like those of different backbones.
   */
  readonly checksum: string;

  constructor(
    readonly backbone: Backbone,
    private readonly options: EmbedderOptions,
  ) {
    this.checksum = featureChecksum(backbone.checksum, options.fit);
  }

  /** @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS */
  async embedPicture(bytes: Uint8Array): Promise<EmbeddedPicture> {
    const begin = performance.now();
    const image = await this.decode(bytes);
    const decoded = performance.now();
    const features = await this.backbone.embed(image);
    return {
      features,
      image,
      decodeMs: decoded - begin,
      forwardMs: performance.now() - decoded,
    };
  }

  /**
   * Decodes an image to the input of the backbone: inputSize x inputSize.
   * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
   */
  decode(bytes: Uint8Array): Promise<RgbImage> {
    return decodePicture(bytes, {
      sizePixels: this.backbone.inputSize,
      fit: this.options.fit,
      maxBytes: this.options.maxBytes,
      maxPixels: this.options.maxPixels,
    });
  }

  /**
   * Features of an augmented version of an image. The augmentation depends only on (seed, sampleId,
   * view), so that more views later leave the earlier ones unchanged.
   * @param image As {@link embedPicture} returned it.
   * @param view From 1 (0 is the original); the last `photometricViews` of `views` are photometric.
   */
  async embedView(
    image: RgbImage,
    view: number,
    settings: AugmentationSettings,
    seed: number,
    sampleId: string,
  ): Promise<Float32Array> {
    const random = createRandom(seedFrom(seed, sampleId, view));
    const augmentation = drawAugmentation(random, settings, image.width, image.height);
    const moved = applyAugmentation(image, augmentation);
    const seen = isPhotometric(view, settings)
      ? await applyPhotometricChange(moved, drawPhotometricChange(random, settings))
      : moved;
    return this.backbone.embed(seen);
  }
}

type ViewCounts = Pick<AugmentationSettings, 'views' | 'photometricViews'>;

function isPhotometric(view: number, settings: ViewCounts): boolean {
  return view > geometricViews(settings);
}

function geometricViews({ views, photometricViews }: ViewCounts): number {
  return photometricViews === 0 ? Number.POSITIVE_INFINITY : Math.max(0, views - photometricViews);
}

/** Identity of features made with a backbone and a fit: 64 hex digits. */
export function featureChecksum(backboneChecksum: string, fit: Fit): string {
  if (fit === 'squash') return backboneChecksum;
  return sha256Hex(`${backboneChecksum} ${fit}`);
}

/** Raised whenever the same settings draw other augmentations. */
const RECIPE_VERSION = 1;

/**
 * Identifies the views of these settings and this seed in 16 hex digits, so that cached features of
 * one recipe never replace those of another. The number of views matters only where it decides
 * which of them are photometric.
 */
export function augmentationRecipe(
  settings: AugmentationSettings & { seed?: number },
  seed: number,
): string {
  const { views, photometricViews, seed: _, ...all } = settings;
  const { gamma, exposure, colourTemperature, blurPixels, noiseLevels, jpegQuality, ...ranges } =
    all;
  const made =
    photometricViews === 0
      ? ranges
      : { ...all, geometricViews: geometricViews({ views, photometricViews }) };
  const ordered = Object.entries(made).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256Hex(JSON.stringify([RECIPE_VERSION, seed, ordered])).slice(0, 16);
}
