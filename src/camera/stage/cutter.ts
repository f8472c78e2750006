import {
  encodeJpeg,
  type PictureLimits,
  type Pixels,
  pixelsOf,
  withPicture,
} from '../../vision/picture.js';
import type { PictureSettings } from '../camera-settings.js';
import { PictureMask, polygonsInRegion } from './picture-mask.js';
import { type NamedRegion, type PixelBox, pixelBox, regionsOf } from './regions.js';

type CutSettings = Pick<PictureSettings, 'crop' | 'regions' | 'masks' | 'jpegQuality'>;

/** What becomes of a region of a picture. */
export interface CutPicture {
  /** Null: the whole picture. */
  region: string | null;
  jpeg: Uint8Array;
}

/**
 * Crops pictures to the configured rectangle, blackens the configured polygons and cuts out the
 * regions, off the main thread. The results have no EXIF, so that neither a thumbnail nor a
 * position reveals what was masked.
 */
export class PictureCutter {
  /** Mask of each region, in its coordinates; key null: of the whole picture. */
  readonly masks: ReadonlyMap<string | null, PictureMask>;
  /** Mask of the pictures before cropping. */
  readonly wholeMask: PictureMask;
  readonly #mask: PictureMask;
  readonly #settings: CutSettings;
  readonly #regions: readonly NamedRegion[];
  readonly #limits: PictureLimits;

  /** @param limits of the pictures before cropping; larger ones are refused */
  constructor(settings: CutSettings, limits: PictureLimits) {
    this.#settings = settings;
    this.#limits = limits;
    this.#regions = regionsOf(settings);
    const polygons = polygonsInRegion(settings.masks, settings.crop);
    this.#mask = new PictureMask(polygons);
    this.wholeMask = new PictureMask(settings.masks);
    this.masks = new Map<string | null, PictureMask>(
      this.#regions.length === 0
        ? [[null, this.#mask]]
        : this.#regions.map((region) => [
            region.name,
            new PictureMask(polygonsInRegion(polygons, region)),
          ]),
    );
  }

  /** False: pictures pass unchanged, byte for byte. */
  get changesPictures(): boolean {
    const { crop, masks } = this.#settings;
    return crop !== null || masks.length > 0 || this.#regions.length > 0;
  }

  /**
   * Crops and masks a picture and cuts its regions out; decodes it once.
   *
   * @returns a JPEG for each region, else one of the whole; the same bytes if there is nothing to do
   * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
   */
  async cut(picture: Uint8Array): Promise<CutPicture[]> {
    if (!this.changesPictures) return [{ region: null, jpeg: picture }];
    const { crop, masks, jpegQuality } = this.#settings;
    return withPicture(picture, this.#limits, async (opened) => {
      if (crop) {
        const { autoOrient: size } = await opened.metadata();
        opened.extract(pixelBox(crop, size.width, size.height));
      }
      const image = await pixelsOf(opened);
      if (masks.length > 0) {
        this.#mask.blacken(image.data, image.width, image.height, image.channels);
      }
      if (this.#regions.length === 0) {
        return [{ region: null, jpeg: await encodeJpeg(image, jpegQuality) }];
      }
      return Promise.all(
        this.#regions.map(async (region) => {
          const part = partOf(image, pixelBox(region, image.width, image.height));
          return { region: region.name, jpeg: await encodeJpeg(part, jpegQuality) };
        }),
      );
    });
  }
}

/** Copies a part of an image. */
function partOf({ data, width, channels }: Pixels, box: PixelBox): Pixels {
  const part = new Uint8Array(box.width * box.height * channels);
  const rowBytes = box.width * channels;
  for (let row = 0; row < box.height; row++) {
    const from = ((box.top + row) * width + box.left) * channels;
    part.set(data.subarray(from, from + rowBytes), row * rowBytes);
  }
  return { data: part, width: box.width, height: box.height, channels };
}
