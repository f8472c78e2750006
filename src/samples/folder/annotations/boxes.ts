import type { PictureBox, PictureSize } from '../../../vision/picture-box.js';

/** How an annotation measures: `pixel` with the size that the annotator saw, or `share`. */
export type Measure = Pick<PictureBox, 'unit' | 'of'>;

export const SHARES: Measure = { unit: 'share', of: null };
/** Larger coordinates are no place in an image. */
const MAX_COORDINATE = 1e6;

/** Pixels of an image; a size that is missing or not positive: that of the file. */
export function pixelsIn(width: unknown, height: unknown): Measure {
  const size: PictureSize = { width: Number(width), height: Number(height) };
  const known = [size.width, size.height].every((side) => side > 0 && side <= MAX_COORDINATE);
  return { unit: 'pixel', of: known ? size : null };
}

/** A box by its edges; null: they make none. */
export function boxOfEdges(edges: readonly number[], { unit, of }: Measure): PictureBox | null {
  const [left, top, right, bottom] = edges;
  if (left === undefined || top === undefined || right === undefined || bottom === undefined) {
    return null;
  }
  // NaN and infinities fail the comparison too.
  if (!edges.every((edge) => Math.abs(edge) <= MAX_COORDINATE)) return null;
  return right > left && bottom > top ? { left, top, right, bottom, unit, of } : null;
}

/** A box by its upper left corner, width and height; null: they make none. */
export function boxOfSides(
  [left = Number.NaN, top = Number.NaN, width = Number.NaN, height = Number.NaN]: readonly number[],
  measure: Measure,
): PictureBox | null {
  return boxOfEdges([left, top, left + width, top + height], measure);
}

/** A box by its centre, width and height; null: they make none. */
export function boxOfCentre(
  [x = Number.NaN, y = Number.NaN, width = Number.NaN, height = Number.NaN]: readonly number[],
  measure: Measure,
): PictureBox | null {
  return boxOfSides([x - width / 2, y - height / 2, width, height], measure);
}

/** The box around points; null: they span none. */
export function boxOfPoints(
  points: readonly (readonly [x: number, y: number])[],
  measure: Measure,
): PictureBox | null {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return null;
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  return boxOfEdges([left, top, right, bottom], measure);
}
