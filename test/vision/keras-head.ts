import {
  type AffineParameters,
  composeAffine,
  type FillMode,
  fillIndex,
} from '../../src/vision/affine.js';

/** A single-channel picture of floats, `data[row * width + column]`. */
export interface FloatPlane {
  width: number;
  height: number;
  data: Float64Array;
}

/**
 * Keras' affine transform as keras-preprocessing does it at its head (3e38006), kept to compare
 * with models trained there. It differs from {@link warpRgb} on purpose: rows and
 * columns are swapped (`rowShift` moves columns), other than square pictures turn about a wrong
 * centre, and `wrap` has the period n - 1, as SciPy's `affine_transform` of order 1.
 *
 * @param fillValue value of fill `constant`
 */
export function kerasHeadAffine(
  plane: FloatPlane,
  parameters: AffineParameters,
  fill: FillMode = 'nearest',
  fillValue = 0,
): FloatPlane {
  const { width, height, data } = plane;
  const [a, b, offsetFirst, c, d, offsetSecond] = composeAffine(parameters, [
    height / 2 - 0.5,
    width / 2 - 0.5,
  ]);
  const result = new Float64Array(width * height);
  for (let r = 0; r < height; r++) {
    for (let column = 0; column < width; column++) {
      // The swap of both rows and both columns of the matrix.
      const y = intoPicture(d * r + c * column + offsetSecond, height, fill);
      const x = intoPicture(b * r + a * column + offsetFirst, width, fill);
      result[r * width + column] =
        y === null || x === null ? fillValue : bilinear(data, width, height, y, x, fill);
    }
  }
  return { width, height, data: result };
}

/** SciPy's `map_coordinate`; null = paint the constant. */
function intoPicture(at: number, n: number, fill: FillMode): number | null {
  switch (fill) {
    case 'nearest':
      return Math.min(n - 1, Math.max(0, at));
    case 'reflect':
      return at;
    case 'constant':
      return at < 0 || at > n - 1 ? null : at;
    case 'wrap': {
      const period = n - 1;
      if (period === 0) return 0;
      if (at < 0) return at + period * (Math.trunc(-at / period) + 1);
      return at > period ? at - period * Math.trunc(at / period) : at;
    }
  }
}

function bilinear(
  data: Float64Array,
  width: number,
  height: number,
  y: number,
  x: number,
  fill: FillMode,
): number {
  const row = Math.floor(y);
  const column = Math.floor(x);
  const v = y - row;
  const u = x - column;
  const value = (i: number, j: number): number =>
    data[fillIndex(i, height, fill) * width + fillIndex(j, width, fill)]!;
  return (
    (1 - v) * ((1 - u) * value(row, column) + u * value(row, column + 1)) +
    v * ((1 - u) * value(row + 1, column) + u * value(row + 1, column + 1))
  );
}
