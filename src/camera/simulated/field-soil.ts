import type { Random } from '../../base/random.js';

/** Side of the soil texture, pixels; a power of two, so that coordinates wrap with a mask. */
export const TILE = 512;

/**
 * A seamless texture of crumbly soil: value noise in five octaves (periodic, bilinear), with dark
 * gaps and a few light crumbs. `TILE * TILE` values, -127..127, row by row.
 */
export function soilTile(random: Random): Int8Array {
  const sum = new Float32Array(TILE * TILE);
  for (const [cell, weight] of [
    [64, 0.5],
    [24, 0.45],
    [10, 0.5],
    [4, 0.5],
    [2, 0.35],
  ] as const) {
    const cells = Math.floor(TILE / cell);
    const step = cells / TILE;
    const lattice = Float32Array.from({ length: cells * cells }, () => random.next() * 2 - 1);
    for (let y = 0; y < TILE; y += 1) {
      const cellY = y * step;
      const top = Math.floor(cellY);
      const topRow = top * cells;
      const bottomRow = ((top + 1) % cells) * cells;
      const down = cellY - top;
      for (let x = 0; x < TILE; x += 1) {
        const cellX = x * step;
        const left = Math.floor(cellX);
        const right = (left + 1) % cells;
        const along = cellX - left;
        const above = lattice[topRow + left]! * (1 - along) + lattice[topRow + right]! * along;
        const below =
          lattice[bottomRow + left]! * (1 - along) + lattice[bottomRow + right]! * along;
        sum[y * TILE + x]! += weight * (above * (1 - down) + below * down);
      }
    }
  }
  return Int8Array.from(sum, (value) => {
    const crumb = value > 0 ? value * 0.8 : value * 1.15;
    return Math.max(-127, Math.min(127, Math.round(crumb * 90)));
  });
}
