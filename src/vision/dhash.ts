import type { RgbImage } from './image.js';

const COLUMNS = 9;
const ROWS = 8;

/** Smaller differences of grey levels 0..255 are rounding of the means. */
const LEVEL_EPSILON = 1e-6;

/**
 * 64-bit difference hash: mean luma of 9 x 8 equal areas, one bit per pair of horizontal
 * neighbours, set when the right one is brighter; row by row, most significant bit first. Method:
 * N. Krawetz, "Kind of Like That", 2013.
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

/**
 * Mean luma (ITU-R BT.601) of each cell; a pixel on a border counts by the share inside the cell.
 */
function areaMeans({ width, height, data }: RgbImage): Float64Array {
  const sums = new Float64Array(COLUMNS * ROWS);
  const line = new Float64Array(COLUMNS);
  for (let y = 0; y < height; y++) {
    for (let column = 0; column < COLUMNS; column++) {
      const from = (column * width) / COLUMNS;
      const to = ((column + 1) * width) / COLUMNS;
      let sum = 0;
      for (let x = Math.floor(from); x < to; x++) {
        const p = (y * width + x) * 3;
        const luma = 0.299 * data[p]! + 0.587 * data[p + 1]! + 0.114 * data[p + 2]!;
        sum += (Math.min(x + 1, to) - Math.max(x, from)) * luma;
      }
      line[column] = sum;
    }
    const firstRow = Math.floor((y * ROWS) / height);
    for (let row = firstRow; row < ROWS && row * height < (y + 1) * ROWS; row++) {
      const share =
        Math.min(y + 1, ((row + 1) * height) / ROWS) - Math.max(y, (row * height) / ROWS);
      for (let c = 0; c < COLUMNS; c++) sums[row * COLUMNS + c]! += share * line[c]!;
    }
  }
  return sums.map((sum) => (sum * COLUMNS * ROWS) / (width * height));
}
