import { encodeJpeg, type PictureLimits, pixelsOf, withPicture } from '../../vision/picture.js';
import type { PictureSettings } from '../camera-settings.js';
import { PictureMask, polygonsInRegion, type Region } from './picture-mask.js';

/**
 * Crops pictures to the configured region and blackens the configured polygons, off the main
 * thread. The result has no EXIF, so that neither a thumbnail nor a position reveals what was
 * masked.
 */
export class PictureCutter {
  /** Mask in the coordinates of the cropped pictures. */
  readonly mask: PictureMask;
  readonly #settings: Pick<PictureSettings, 'region' | 'masks' | 'jpegQuality'>;
  readonly #limits: PictureLimits;

  /** @param limits of the pictures before cropping; larger ones are refused */
  constructor(
    settings: Pick<PictureSettings, 'region' | 'masks' | 'jpegQuality'>,
    limits: PictureLimits,
  ) {
    this.#settings = settings;
    this.#limits = limits;
    this.mask = new PictureMask(polygonsInRegion(settings.masks, settings.region));
  }

  /** False: pictures pass unchanged, byte for byte. */
  get changesPictures(): boolean {
    return this.#settings.region !== null || this.#settings.masks.length > 0;
  }

  /**
   * Crops and masks a picture.
   *
   * @returns the masked region as JPEG; the same bytes if there is nothing to do
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

/** A region in whole pixels, at least 1 x 1 and inside the picture. */
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
