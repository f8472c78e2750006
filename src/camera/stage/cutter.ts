import { encodeJpeg, type PictureLimits, pixelsOf, withPicture } from '../../vision/picture.js';
import type { PictureSettings } from '../camera-settings.js';
import { PictureMask, polygonsInRegion, type Region } from './picture-mask.js';

/**
 * Cuts pictures to the configured region and blackens the configured polygons, off the main thread.
 * What comes out carries no EXIF, so neither a thumbnail nor a place gives away what was masked.
 */
export class PictureCutter {
  /** Of the pictures that come out. */
  readonly mask: PictureMask;
  readonly #settings: Pick<PictureSettings, 'region' | 'masks' | 'jpegQuality'>;
  readonly #limits: PictureLimits;

  /** @param limits of the pictures that are cut; larger ones are refused. */
  constructor(
    settings: Pick<PictureSettings, 'region' | 'masks' | 'jpegQuality'>,
    limits: PictureLimits,
  ) {
    this.#settings = settings;
    this.#limits = limits;
    this.mask = new PictureMask(polygonsInRegion(settings.masks, settings.region));
  }

  /** False: pictures pass as they are, byte by byte. */
  get changesPictures(): boolean {
    return this.#settings.region !== null || this.#settings.masks.length > 0;
  }

  /**
   * @returns a JPEG of the region, masked; the very bytes that came when nothing is to be done.
   * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
   */
  async cut(picture: Uint8Array): Promise<Uint8Array> {
    if (!this.changesPictures) return picture;
    const { region, masks, jpegQuality } = this.#settings;
    return withPicture(picture, this.#limits, async (opened) => {
      if (region) {
        const { autoOrient: size } = await opened.metadata();
        opened.extract(rectangle(region, size.width, size.height));
      }
      const image = await pixelsOf(opened);
      if (masks.length > 0) {
        this.mask.blacken(image.data, image.width, image.height, image.channels);
      }
      return encodeJpeg(image, jpegQuality);
    });
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
