/** An 8-bit RGB image: `data[(y * width + x) * 3 + channel]`, no padding. */
export interface RgbImage {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** `width * height * 3` bytes. */
  data: Uint8Array;
}

/**
 * How an image of any shape becomes a square: `squash` scales both axes independently (Keras'
 * `flow_from_directory`: nothing is cut off), `crop` scales the short side and takes the centre.
 */
export type Fit = 'squash' | 'crop';
