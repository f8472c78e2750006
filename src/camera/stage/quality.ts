import { type PictureLimits, type Pixels, pixelsOf, withPicture } from '../../vision/picture.js';
import type { PictureMask } from './picture-mask.js';

/** Pictures are scaled down to this side: finer detail never reaches the backbone. */
const MEASURED_SIDE_PIXELS = 480;
/** Channel value, of 255, from which a channel counts as overexposed. */
const BLOWN_OUT = 250;

/**
 * Variance of the brightness, of 255 squared, below which a picture has no content: any detail is
 * noise of the encoder.
 */
const NO_CONTRAST = 9;

/** Quality measures of one picture, without its masked parts. */
export interface PictureQuality {
  /** Mean brightness, 0 (black) to 1 (white), of the encoded values (Rec. 601). */
  meanLuma: number;
  /** Mean of (max - min) / max of the channels, 0 (grey) to 1. */
  saturation: number;
  /** Share of pixels whose channels are all overexposed, 0 to 1. */
  overexposedShare: number;
  /**
   * Variance of the Laplacian divided by the variance of the brightness, >= 0. It decreases with
   * blur but, unlike the plain variance of the Laplacian, not with contrast (J. L. Pech-Pacheco et
   * al., "Diatom autofocusing in brightfield microscopy", ICPR 2000). 0 for a nearly uniform
   * picture.
   */
  sharpness: number;
}

/**
 * Measures a picture. Decoding runs off the main thread; the sums block it for about 5 ms.
 *
 * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
 */
export async function measureQuality(
  picture: Uint8Array,
  mask: PictureMask,
  limits: PictureLimits,
): Promise<PictureQuality> {
  const pixels = await withPicture(picture, limits, (opened) =>
    pixelsOf(
      opened.resize(MEASURED_SIDE_PIXELS, MEASURED_SIDE_PIXELS, {
        fit: 'inside',
        withoutEnlargement: true,
      }),
    ),
  );
  return measurePixels(pixels, mask.visible(pixels.width, pixels.height));
}

function measurePixels({ data, width, height }: Pixels, visible: Uint8Array): PictureQuality {
  const luma = new Float32Array(width * height);
  const brightness = new Moments();
  let saturation = 0;
  let blownOut = 0;
  for (let i = 0; i < luma.length; i += 1) {
    const [r, g, b] = [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!];
    luma[i] = 0.299 * r + 0.587 * g + 0.114 * b;
    if (visible[i] === 0) continue;
    brightness.add(luma[i]!);
    const most = Math.max(r, g, b);
    const least = Math.min(r, g, b);
    if (most > 0) saturation += (most - least) / most;
    if (least >= BLOWN_OUT) blownOut += 1;
  }
  const seen = Math.max(1, brightness.count);
  const detail = laplacian(luma, width, height, visible);
  return {
    meanLuma: brightness.mean / 255,
    saturation: saturation / seen,
    overexposedShare: blownOut / seen,
    sharpness: brightness.variance < NO_CONTRAST ? 0 : detail.variance / brightness.variance,
  };
}

/** The Laplacian where all its five pixels are visible: the edge of a mask is not detail. */
function laplacian(luma: Float32Array, width: number, height: number, visible: Uint8Array) {
  const moments = new Moments();
  for (let y = 1; y < height - 1; y += 1) {
    for (let i = y * width + 1; i < (y + 1) * width - 1; i += 1) {
      const [up, down] = [i - width, i + width];
      if (visible[i]! & visible[i - 1]! & visible[i + 1]! & visible[up]! & visible[down]!) {
        moments.add(4 * luma[i]! - luma[i - 1]! - luma[i + 1]! - luma[up]! - luma[down]!);
      }
    }
  }
  return moments;
}

class Moments {
  count = 0;
  #sum = 0;
  #squares = 0;

  add(value: number): void {
    this.count += 1;
    this.#sum += value;
    this.#squares += value * value;
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.#sum / this.count;
  }

  get variance(): number {
    return this.count === 0 ? 0 : Math.max(0, this.#squares / this.count - this.mean ** 2);
  }
}
