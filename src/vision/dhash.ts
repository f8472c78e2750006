import type { RgbImage } from './image.js';

const COLUMNS = 9;
const ROWS = 8;

/** Differences below this are rounding of the means, not brightness; grey levels of 0..255. */
const LEVEL_EPSILON = 1e-6;

/**
 * 64-bit difference hash: the picture's luma averaged over 9 x 8 equal areas, one bit per pair of
 * horizontal neighbours, set when the right one is brighter; row by row, most significant first.
 * Method: N. Krawetz, "Kind of Like That", 2013.
 *
 * @returns 16 lower-case hex digits
 */
export function differenceHash(image: RgbImage): string {
  const cells = areaMeans(image);
  let hash = '';
  for (let row = 0; row < ROWS; row++) {
    let bits = 0;
    for (let column = 0; column < COLUMNS - 1; column++) {
      const left = cells[row * COLUMNS + column]!;
      const right = cells[row * COLUMNS + column + 1]!;
      bits = (bits << 1) | (right - left > LEVEL_EPSILON ? 1 : 0);
    }
    hash += bits.toString(16).padStart(2, '0');
  }
  return hash;
}

/** Number of differing bits of two hashes of equal length in hex digits: 0..64 for 16 digits. */
export function hammingDistance(a: string, b: string): number {
  if (a.length !== b.length) throw new RangeError(`hashes of ${a.length} and ${b.length} digits`);
  let distance = 0;
  for (let i = 0; i < a.length; i++) {
    let bits = Number.parseInt(a[i]!, 16) ^ Number.parseInt(b[i]!, 16);
    for (; bits !== 0; bits &= bits - 1) distance++;
  }
  return distance;
}

/** Mean luma (ITU-R BT.601) of each cell; a pixel on a border counts by the share it covers. */
function areaMeans({ width, height, data }: RgbImage): Float64Array {
  const sums = new Float64Array(COLUMNS * ROWS);
  const columns = shares(width, COLUMNS);
  const rows = shares(height, ROWS);
  const line = new Float64Array(COLUMNS);
  for (let y = 0; y < height; y++) {
    line.fill(0);
    for (let x = 0; x < width; x++) {
      const p = (y * width + x) * 3;
      const luma = 0.299 * data[p]! + 0.587 * data[p + 1]! + 0.114 * data[p + 2]!;
      for (const { cell, share } of columns[x]!) line[cell]! += share * luma;
    }
    for (const { cell, share } of rows[y]!) {
      for (let c = 0; c < COLUMNS; c++) sums[cell * COLUMNS + c]! += share * line[c]!;
    }
  }
  return sums.map((sum) => (sum * COLUMNS * ROWS) / (width * height));
}

/** For each of `length` pixels: the cells that it touches and how much of it lies in each. */
function shares(length: number, cells: number): { cell: number; share: number }[][] {
  return Array.from({ length }, (_, pixel) => {
    const first = Math.floor((pixel * cells) / length);
    const last = Math.min(cells - 1, Math.ceil(((pixel + 1) * cells) / length) - 1);
    return Array.from({ length: last - first + 1 }, (_, i) => {
      const cell = first + i;
      const from = Math.max(pixel, (cell * length) / cells);
      const to = Math.min(pixel + 1, ((cell + 1) * length) / cells);
      return { cell, share: to - from };
    });
  });
}
