import { type PictureLimits, pixelsOf, withPicture } from '../../vision/picture.js';
import type { PictureSettings } from '../camera-settings.js';
import type { PictureMask } from './picture-mask.js';

/** Pictures are compared at this size; JPEGs can then be decoded at an eighth of their size. */
const GRID_WIDTH = 64;
const GRID_HEIGHT = 48;

/**
 * Detects motion between pictures. Each is compared with the last one that passed, so that slow
 * changes add up. A uniform change of brightness (a cloud, the exposure) is subtracted first.
 */
export class MotionGate {
  readonly #settings: NonNullable<PictureSettings['onlyWhenMoving']>;
  readonly #visible: Uint8Array;
  readonly #visibleCount: number;
  readonly #limits: PictureLimits;
  #shown: Uint8Array | null = null;
  #shownMs = 0;

  /** @param mask masked pixels, which are excluded from the comparison */
  constructor(
    settings: NonNullable<PictureSettings['onlyWhenMoving']>,
    mask: PictureMask,
    limits: PictureLimits,
  ) {
    this.#settings = settings;
    this.#visible = mask.visible(GRID_WIDTH, GRID_HEIGHT);
    this.#visibleCount = this.#visible.reduce((sum, one) => sum + one, 0);
    this.#limits = limits;
  }

  /**
   * Whether a picture passes: something moved, or no picture has passed for `keepAliveMs`. Call it
   * with pictures in order, one at a time.
   *
   * @param nowMs monotonic, milliseconds
   * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
   */
  async passes(picture: Uint8Array, nowMs: number): Promise<boolean> {
    const grid = await this.#gridOf(picture);
    const due = nowMs - this.#shownMs >= this.#settings.keepAliveMs;
    if (this.#shown && !due && this.#changedShare(this.#shown, grid) < this.#settings.share) {
      return false;
    }
    this.#shown = grid;
    this.#shownMs = nowMs;
    return true;
  }

  #changedShare(shown: Uint8Array, now: Uint8Array): number {
    let sum = 0;
    for (let i = 0; i < now.length; i += 1) sum += this.#visible[i]! * (now[i]! - shown[i]!);
    const light = sum / Math.max(1, this.#visibleCount);
    const threshold = this.#settings.pixelChange * 255;
    let changed = 0;
    for (let i = 0; i < now.length; i += 1) {
      if (Math.abs(now[i]! - shown[i]! - light) > threshold) changed += this.#visible[i]!;
    }
    return changed / Math.max(1, this.#visibleCount);
  }

  async #gridOf(picture: Uint8Array): Promise<Uint8Array> {
    const { data } = await withPicture(picture, this.#limits, (opened) =>
      pixelsOf(
        opened
          .greyscale()
          .toColourspace('b-w')
          .resize(GRID_WIDTH, GRID_HEIGHT, { fit: 'fill', kernel: 'linear' }),
      ),
    );
    return data;
  }
}
