import type { RgbImage } from './image.js';

/** How pixels outside the image are made: the four `fill_mode` of Keras. */
export type FillMode = 'nearest' | 'reflect' | 'wrap' | 'constant';

/** The parameters of Keras' affine transform, in the inverse map (from result to source image). */
export interface AffineParameters {
  rotationDegrees: number;
  /** Pixels along the height: row r of the result shows row r + rowShift of the source. */
  rowShift: number;
  /** Pixels along the width. */
  columnShift: number;
  shearDegrees: number;
  /** Above 1 the image shrinks along its height. */
  rowZoom: number;
  /** Above 1 the image shrinks along its width. */
  columnZoom: number;
}

/** Row-major 2 x 3: `row_in = [0] r + [1] c + [2]`, `column_in = [3] r + [4] c + [5]`. */
export type AffineMatrix = readonly [number, number, number, number, number, number];

/**
 * Rotation * Shift * Shear * Zoom about a centre, as `transform_matrix_offset_center` of Keras'
 * ImageDataGenerator composes them; the first coordinate is `centre[0]`'s axis.
 */
export function composeAffine(
  parameters: AffineParameters,
  centre: readonly [number, number],
): AffineMatrix {
  const theta = (parameters.rotationDegrees * Math.PI) / 180;
  const shear = (parameters.shearDegrees * Math.PI) / 180;
  const { rowShift, columnShift, rowZoom, columnZoom } = parameters;
  const cos = Math.cos(theta);
  const sin = Math.sin(theta);
  const a = cos * rowZoom;
  const b = (-cos * Math.sin(shear) - sin * Math.cos(shear)) * columnZoom;
  const c = sin * rowZoom;
  const d = (-sin * Math.sin(shear) + cos * Math.cos(shear)) * columnZoom;
  const shiftFirst = cos * rowShift - sin * columnShift;
  const shiftSecond = sin * rowShift + cos * columnShift;
  const [first, second] = centre;
  return [
    a,
    b,
    shiftFirst + first - a * first - b * second,
    c,
    d,
    shiftSecond + second - c * first - d * second,
  ];
}

/** The middle of an image between its outermost pixel centres, (row, column). */
export function pictureCentre(height: number, width: number): [number, number] {
  return [height / 2 - 0.5, width / 2 - 0.5];
}

const POSITION_BITS = 16;
const ONE = 1 << POSITION_BITS;
const WEIGHT_BITS = 10;
const WEIGHT_SHIFT = POSITION_BITS - WEIGHT_BITS;
const WEIGHT_MASK = (1 << WEIGHT_BITS) - 1;
const HALF = 1 << (2 * WEIGHT_BITS - 1);
/** Positions are 16.16 fixed point in an Int32. */
const MAX_COORDINATE = 32_000;

/**
 * Resamples an image through an inverse affine map, bilinearly, in fixed point (positions to 2^-16
 * pixel, weights to 2^-10). Fill `wrap` repeats with the side of the image, as Keras documents it;
 * `constant` paints every point outside the outermost pixel centres.
 *
 * @param fillValue grey level 0..255 of fill `constant`
 * @throws RangeError when the map reaches further than 32,000 pixels from the corner of the image
 */
export function warpRgb(
  image: RgbImage,
  matrix: AffineMatrix,
  fill: FillMode,
  fillValue: number,
): RgbImage {
  const { width, height, data: source } = image;
  const result = new Uint8Array(width * height * 3);
  const stride = width * 3;
  const [rowStart, rowEnd] = reach(matrix[0], matrix[1], matrix[2], height, width);
  const [columnStart, columnEnd] = reach(matrix[3], matrix[4], matrix[5], height, width);
  const rowOffsets = offsetTable(rowStart, rowEnd, height, stride, fill);
  const columnOffsets = offsetTable(columnStart, columnEnd, width, 3, fill);
  const rowLimit = (height - 1) * ONE;
  const columnLimit = (width - 1) * ONE;
  const rowStep = Math.round(matrix[1] * ONE);
  const columnStep = Math.round(matrix[4] * ONE);
  // From the middle column outwards, the rounding of the steps grows only half as far as from the
  // left.
  const middle = width >> 1;

  for (let r = 0; r < height; r++) {
    const rowAt = fixed(matrix[0] * r + matrix[1] * middle + matrix[2]) - rowStep * middle;
    const columnAt = fixed(matrix[3] * r + matrix[4] * middle + matrix[5]) - columnStep * middle;
    const [rowsFrom, rowsTo] = insideSpan(rowAt, rowStep, rowLimit, width);
    const [columnsFrom, columnsTo] = insideSpan(columnAt, columnStep, columnLimit, width);
    const from = Math.max(rowsFrom, columnsFrom);
    const to = Math.max(from, Math.min(rowsTo, columnsTo));
    const line = r * stride;

    for (let c = 0; c < width; c++) {
      if (c === from) c = to;
      if (c >= width) break;
      const y = rowAt + rowStep * c;
      const x = columnAt + columnStep * c;
      const at = line + c * 3;
      if (fill === 'constant' && (y < 0 || y > rowLimit || x < 0 || x > columnLimit)) {
        result[at] = result[at + 1] = result[at + 2] = fillValue;
        continue;
      }
      const i = (y >> POSITION_BITS) - rowStart;
      const j = (x >> POSITION_BITS) - columnStart;
      const top = rowOffsets[i]!;
      const bottom = rowOffsets[i + 1]!;
      const left = columnOffsets[j]!;
      const right = columnOffsets[j + 1]!;
      const v = (y >> WEIGHT_SHIFT) & WEIGHT_MASK;
      const u = (x >> WEIGHT_SHIFT) & WEIGHT_MASK;
      const w11 = Math.imul(u, v);
      const w01 = (u << WEIGHT_BITS) - w11;
      const w10 = (v << WEIGHT_BITS) - w11;
      const w00 = 2 * HALF - w01 - w10 - w11;
      for (let channel = 0; channel < 3; channel++) {
        result[at + channel] =
          (Math.imul(source[top + left + channel]!, w00) +
            Math.imul(source[top + right + channel]!, w01) +
            Math.imul(source[bottom + left + channel]!, w10) +
            Math.imul(source[bottom + right + channel]!, w11) +
            HALF) >>
          (2 * WEIGHT_BITS);
      }
    }

    // The same without tables and bounds, for pixels whose four neighbours are all inside the
    // image.
    let y = (rowAt + rowStep * from) | 0;
    let x = (columnAt + columnStep * from) | 0;
    let at = line + from * 3;
    for (let c = from; c < to; c++) {
      const p = (Math.imul(y >> POSITION_BITS, stride) + Math.imul(x >> POSITION_BITS, 3)) | 0;
      const q = (p + stride) | 0;
      const v = (y >> WEIGHT_SHIFT) & WEIGHT_MASK;
      const u = (x >> WEIGHT_SHIFT) & WEIGHT_MASK;
      const w11 = Math.imul(u, v);
      const w01 = ((u << WEIGHT_BITS) - w11) | 0;
      const w10 = ((v << WEIGHT_BITS) - w11) | 0;
      const w00 = (2 * HALF - w01 - w10 - w11) | 0;
      result[at] =
        (Math.imul(source[p]!, w00) +
          Math.imul(source[p + 3]!, w01) +
          Math.imul(source[q]!, w10) +
          Math.imul(source[q + 3]!, w11) +
          HALF) >>
        (2 * WEIGHT_BITS);
      result[at + 1] =
        (Math.imul(source[p + 1]!, w00) +
          Math.imul(source[p + 4]!, w01) +
          Math.imul(source[q + 1]!, w10) +
          Math.imul(source[q + 4]!, w11) +
          HALF) >>
        (2 * WEIGHT_BITS);
      result[at + 2] =
        (Math.imul(source[p + 2]!, w00) +
          Math.imul(source[p + 5]!, w01) +
          Math.imul(source[q + 2]!, w10) +
          Math.imul(source[q + 5]!, w11) +
          HALF) >>
        (2 * WEIGHT_BITS);
      y = (y + rowStep) | 0;
      x = (x + columnStep) | 0;
      at += 3;
    }
  }
  return { width, height, data: result };
}

/** The index in 0..n-1 that fills `index`; fill `constant` never needs one outside. */
export function fillIndex(index: number, n: number, fill: FillMode): number {
  switch (fill) {
    case 'reflect': {
      const folded = ((index % (2 * n)) + 2 * n) % (2 * n);
      return folded < n ? folded : 2 * n - 1 - folded;
    }
    case 'wrap':
      return ((index % n) + n) % n;
    default:
      return Math.min(n - 1, Math.max(0, index));
  }
}

/** First and last integer coordinate that the map reads, the right neighbour included. */
function reach(
  perRow: number,
  perColumn: number,
  offset: number,
  height: number,
  width: number,
): [number, number] {
  const down = perRow * (height - 1);
  const across = perColumn * (width - 1);
  const low = Math.floor(offset + Math.min(0, down) + Math.min(0, across)) - 2;
  const high = Math.ceil(offset + Math.max(0, down) + Math.max(0, across)) + 3;
  if (!(low > -MAX_COORDINATE && high < MAX_COORDINATE)) {
    throw new RangeError(`the transform reaches from ${low} to ${high} pixels`);
  }
  return [low, high];
}

function offsetTable(
  start: number,
  end: number,
  n: number,
  bytesPerStep: number,
  fill: FillMode,
): Int32Array {
  return Int32Array.from(
    { length: end - start + 1 },
    (_, i) => fillIndex(start + i, n, fill) * bytesPerStep,
  );
}

/** The columns [from, to) of a line whose coordinate is in [0, limit). */
function insideSpan(at: number, step: number, limit: number, width: number): [number, number] {
  if (step === 0) return at >= 0 && at < limit ? [0, width] : [0, 0];
  const atZero = -at / step;
  const atLimit = (limit - at) / step;
  const [from, to] =
    step > 0
      ? [Math.ceil(atZero), Math.ceil(atLimit)]
      : [Math.floor(atLimit) + 1, Math.floor(atZero) + 1];
  const clampedFrom = Math.min(width, Math.max(0, from));
  return [clampedFrom, Math.max(clampedFrom, Math.min(width, to))];
}

function fixed(coordinate: number): number {
  return Math.round(coordinate * ONE);
}
