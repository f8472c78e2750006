import { regionNames } from '../../base/words/eye.js';
import type { PictureSettings } from '../camera-settings.js';
import type { Region } from './picture-mask.js';

export interface NamedRegion extends Region {
  name: string;
}

/** A part of a picture in whole pixels, at least 1 x 1. */
export interface PixelBox {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The regions of a camera, those of a grid row by row; none: the whole picture is one. */
export function regionsOf({ regions }: Pick<PictureSettings, 'regions'>): NamedRegion[] {
  if (Array.isArray(regions)) return regions;
  const { columns, rows } = regions;
  return regionNames(regions).map((name, i) => ({
    name,
    left: (i % columns) / columns,
    top: Math.floor(i / columns) / rows,
    width: 1 / columns,
    height: 1 / rows,
  }));
}

/** A region of a picture of this size. Regions that touch share no pixel and leave none out. */
export function pixelBox(region: Region, width: number, height: number): PixelBox {
  const [left, right] = span(region.left, region.width, width);
  const [top, bottom] = span(region.top, region.height, height);
  return { left, top, width: right - left, height: bottom - top };
}

function span(from: number, length: number, pixels: number): [from: number, to: number] {
  // Both ends are rounded, not the length: the end of one region is the beginning of the next.
  const begin = Math.min(pixels - 1, edge(from, pixels));
  return [begin, Math.max(begin + 1, Math.min(pixels, edge(from + length, pixels)))];
}

/** Far less than a pixel, far more than the rounding error of a sum of fractions. */
const EDGE_TOLERANCE = 1e-6;

/** The nearest edge between pixels; in the middle of a pixel, the one before it. */
function edge(fraction: number, pixels: number): number {
  return Math.max(0, Math.round(fraction * pixels - EDGE_TOLERANCE));
}
