import sharp from 'sharp';
import { PictureMask, polygonsInRegion, type Region } from './picture-mask.js';
import { pixelsOf, undecodable, upright } from './pixels.js';
import type { PictureSettings } from './settings.js';

/**
 * Cuts pictures to the configured region and blackens the configured polygons, off the main thread.
 * What comes out carries no EXIF, so neither a thumbnail nor a place gives away what was masked.
 */
export class PictureCutter {
  /** Of the pictures that come out. */
  readonly mask: PictureMask;
  readonly #settings: Pick<PictureSettings, 'region' | 'masks' | 'jpegQuality'>;
  readonly #maxPixels: number;

  /** @param maxPixels pictures with more, by their header, are refused. */
  constructor(
    settings: Pick<PictureSettings, 'region' | 'masks' | 'jpegQuality'>,
    maxPixels: number,
  ) {
    this.#settings = settings;
    this.#maxPixels = maxPixels;
    this.mask = new PictureMask(polygonsInRegion(settings.masks, settings.region));
  }

  /** False: pictures pass as they are, byte by byte. */
  get changesPictures(): boolean {
    return this.#settings.region !== null || this.#settings.masks.length > 0;
  }

  /**
   * @returns a JPEG of the region, masked; the very bytes that came when nothing is to be done.
   * @throws HeadlandError HL_PICTURE_INVALID
   */
  async cut(picture: Uint8Array): Promise<Uint8Array> {
    if (!this.changesPictures) return picture;
    try {
      const { region, masks, jpegQuality } = this.#settings;
      let image = upright(picture, this.#maxPixels).toColourspace('srgb');
      if (region) {
        const { autoOrient: size } = await image.metadata();
        image = image.extract(rectangle(region, size.width, size.height));
      }
      if (masks.length === 0) return await image.jpeg({ quality: jpegQuality }).toBuffer();
      const { data, width, height, channels } = await pixelsOf(image);
      this.mask.blacken(data, width, height, channels);
      const raw = { width, height, channels: channels as 3 };
      return await sharp(data, { raw }).jpeg({ quality: jpegQuality }).toBuffer();
    } catch (error) {
      throw undecodable(picture, error);
    }
  }
}

/** A region in whole pixels, at least one of them, inside the picture. */
function rectangle(region: Region, width: number, height: number) {
  const left = Math.min(width - 1, Math.round(region.left * width));
  const top = Math.min(height - 1, Math.round(region.top * height));
  return {
    left,
    top,
    width: Math.max(1, Math.min(width - left, Math.round(region.width * width))),
    height: Math.max(1, Math.min(height - top, Math.round(region.height * height))),
  };
}
