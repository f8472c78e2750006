/** A camera, or one region of its image. */
export interface Eye {
  /** Name of the camera, as configured. */
  camera: string;
  /** Name of the region; null: the whole image. */
  region: string | null;
}

/** Identity of an eye: `<camera>` or `<camera>/<region>`. Names contain no slash. */
export function eyeOf({ camera, region }: Eye): string {
  return region === null ? camera : `${camera}/${region}`;
}

/** A grid has the regions 1, 2, … row by row. */
type Regions = readonly { name: string }[] | { columns: number; rows: number };

/** Names of the regions of a camera; empty: the whole image is one. */
export function regionNames(regions: Regions): string[] {
  if ('columns' in regions) {
    return Array.from({ length: regions.columns * regions.rows }, (_, index) => String(index + 1));
  }
  return regions.map(({ name }) => name);
}

/** The eyes of a camera: its regions, or itself. */
export function eyesOf({ name, regions }: { name: string; regions: Regions }): Eye[] {
  const names = regionNames(regions);
  return (names.length === 0 ? [null] : names).map((region) => ({ camera: name, region }));
}
