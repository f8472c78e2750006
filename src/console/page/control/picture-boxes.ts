import type { Box } from '../../contract/robot-contract.js';

/** A point of an image, fractions of its width and height. */
export type Point = [x: number, y: number];

const WHOLE: Box = { left: 0, top: 0, width: 1, height: 1 };
/** A smaller box is a press that drew nothing. */
const LEAST_SIDE = 0.02;

/** A box of the kept part of an image, in coordinates of the whole image. */
export function toWhole(box: Box, crop: Box | null): Box {
  const kept = crop ?? WHOLE;
  return {
    left: kept.left + box.left * kept.width,
    top: kept.top + box.top * kept.height,
    width: box.width * kept.width,
    height: box.height * kept.height,
  };
}

/** A box of the whole image, in coordinates of its kept part and inside it; null: it lies outside. */
export function toKept(box: Box, crop: Box | null): Box | null {
  const kept = crop ?? WHOLE;
  const left = clamp((box.left - kept.left) / kept.width);
  const top = clamp((box.top - kept.top) / kept.height);
  const right = clamp((box.left + box.width - kept.left) / kept.width);
  const bottom = clamp((box.top + box.height - kept.top) / kept.height);
  return boxOf([left, top], [right, bottom]);
}

/** The box with two opposite corners, rounded as it is stored; null: it is too small to be meant. */
export function boxOf(a: Point, b: Point): Box | null {
  const [left, right] = [rounded(Math.min(a[0], b[0])), rounded(Math.max(a[0], b[0]))];
  const [top, bottom] = [rounded(Math.min(a[1], b[1])), rounded(Math.max(a[1], b[1]))];
  if (right - left < LEAST_SIDE || bottom - top < LEAST_SIDE) return null;
  return { left, top, width: rounded(right - left), height: rounded(bottom - top) };
}

/** A box with one side changed, kept inside the image. */
export function withSide(box: Box, side: keyof Box, value: number): Box {
  const next = { ...box, [side]: clamp(value) };
  const left = Math.min(next.left, 1 - LEAST_SIDE);
  const top = Math.min(next.top, 1 - LEAST_SIDE);
  return {
    left: rounded(left),
    top: rounded(top),
    width: rounded(Math.min(Math.max(next.width, LEAST_SIDE), 1 - left)),
    height: rounded(Math.min(Math.max(next.height, LEAST_SIDE), 1 - top)),
  };
}

export function clamp(value: number): number {
  return Math.max(0, Math.min(1, value));
}

/** Four digits are a quarter of a pixel of a 4K image. */
export function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

/** A name that no region has: 1, 2, … */
export function freeName(names: readonly string[]): string {
  let number = names.length + 1;
  while (names.includes(String(number))) number += 1;
  return String(number);
}
