/**
 * A box in an image as an annotation gives it: `left <= right`, `top <= bottom`, finite, measured
 * from the upper left corner; it may reach beyond the image.
 */
export interface PictureBox {
  left: number;
  top: number;
  right: number;
  bottom: number;
  /** `pixel`: of an image of the size `of`. `share`: of the width and height of the image. */
  unit: 'pixel' | 'share';
  /** Size of the image that the annotator saw, pixels; null: that of the file. */
  of: PictureSize | null;
}

/** Pixels. */
export interface PictureSize {
  width: number;
  height: number;
}

/** A rectangle of whole pixels inside an image; at least one pixel wide and high. */
export interface PixelRectangle extends PictureSize {
  left: number;
  top: number;
}

/** An image, for placing boxes in it. */
export interface UprightSize extends PictureSize {
  /** EXIF orientation that was applied, 1..8. */
  orientation: number;
}

/** Shorter side of the smallest box that is cut out, pixels of the image. */
export const MIN_BOX_PIXELS = 8;
/** Sizes of the same shape differ by rounding alone. */
const SHAPE_TOLERANCE = 0.02;

/** Where a box lies in an image, or why it cannot be cut out. */
export type PlacedBox = { rectangle: PixelRectangle } | { fault: BoxFault };
/** `shape`: the annotator saw an image of another shape. `small`: see {@link MIN_BOX_PIXELS}. */
export type BoxFault = 'outside' | 'small' | 'shape';

/**
 * Finds the pixels of a box in an upright image, clipped to it.
 * @param margin widens the box on each side by this share of its width and height, 0..
 */
export function placeBox(box: PictureBox, picture: UprightSize, margin = 0): PlacedBox {
  const upright = toUpright(box, picture);
  if (upright === null) return { fault: 'shape' };
  const inside = clip(upright, picture);
  if (inside === null) return { fault: 'outside' };
  if (Math.min(inside.width, inside.height) < MIN_BOX_PIXELS) return { fault: 'small' };
  const [wider, higher] = [
    margin * (upright.right - upright.left),
    margin * (upright.bottom - upright.top),
  ];
  const widened = {
    left: upright.left - wider,
    top: upright.top - higher,
    right: upright.right + wider,
    bottom: upright.bottom + higher,
  };
  return { rectangle: clip(widened, picture) ?? inside };
}

interface Edges {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Edges in pixels of the upright image; null: the box is for an image of another shape. */
function toUpright(box: PictureBox, picture: UprightSize): Edges | null {
  const { width, height, orientation } = picture;
  if (box.unit === 'share') return scale(box, width, height);
  const { of } = box;
  if (of === null || isShape(of, picture)) {
    return scale(box, of === null ? 1 : width / of.width, of === null ? 1 : height / of.height);
  }
  // The annotator saw the image as it is stored, without its EXIF orientation.
  if (orientation < 5 || !isShape({ width: of.height, height: of.width }, picture)) return null;
  return scale(turn(scale(box, 1 / of.width, 1 / of.height), orientation), width, height);
}

function scale({ left, top, right, bottom }: Edges, x: number, y: number): Edges {
  return { left: left * x, top: top * y, right: right * x, bottom: bottom * y };
}

/** Applies an EXIF orientation of 5..8, which swaps the axes, to shares of an image. */
function turn({ left, top, right, bottom }: Edges, orientation: number): Edges {
  const [x0, x1] = orientation === 6 || orientation === 7 ? [1 - bottom, 1 - top] : [top, bottom];
  const [y0, y1] = orientation === 7 || orientation === 8 ? [1 - right, 1 - left] : [left, right];
  return { left: x0, top: y0, right: x1, bottom: y1 };
}

function isShape(of: PictureSize, picture: PictureSize): boolean {
  const ratio = (of.width * picture.height) / (of.height * picture.width);
  return ratio > 1 - SHAPE_TOLERANCE && ratio < 1 + SHAPE_TOLERANCE;
}

/** The pixels that a box touches by more than a rounding error; null: none. */
function clip(edges: Edges, { width, height }: PictureSize): PixelRectangle | null {
  const left = Math.max(0, Math.round(edges.left));
  const top = Math.max(0, Math.round(edges.top));
  const right = Math.min(width, Math.round(edges.right));
  const bottom = Math.min(height, Math.round(edges.bottom));
  if (right <= left || bottom <= top) return null;
  return { left, top, width: right - left, height: bottom - top };
}
