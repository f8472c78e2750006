/** Corners of a polygon, [x, y] as fractions of width and height; may lie outside the picture. */
export type Polygon = readonly (readonly [number, number])[];

/** The rectangle that a picture is cropped to, as fractions of its width and height. */
export interface Region {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Converts polygons from fractions of the whole picture to fractions of `region`. */
export function polygonsInRegion(polygons: readonly Polygon[], region: Region | null): Polygon[] {
  if (region === null) return [...polygons];
  const { left, top, width, height } = region;
  return polygons.map((polygon) =>
    polygon.map(([x, y]) => [(x - left) / width, (y - top) / height] as const),
  );
}

/** A run of masked pixels in one row: columns [from, to). */
export interface Span {
  row: number;
  from: number;
  to: number;
}

/**
 * The pixels covered by polygons, for pictures of any size. A pixel is covered if its centre lies
 * inside, by the even-odd rule (scan conversion, Foley et al., "Computer Graphics", section 3.6).
 */
export class PictureMask {
  readonly #polygons: readonly Polygon[];
  readonly #spans = new Map<string, Span[]>();

  constructor(polygons: readonly Polygon[]) {
    this.#polygons = polygons;
  }

  /** Runs of covered pixels, cached for recent sizes. Runs of overlapping polygons overlap. */
  spans(width: number, height: number): readonly Span[] {
    const size = `${width}x${height}`;
    const known = this.#spans.get(size);
    if (known) return known;
    const spans = this.#polygons.flatMap((polygon) => scanConvert(polygon, width, height));
    // A camera has few sizes; the limit protects against a source with ever new ones.
    if (this.#spans.size >= 8) this.#spans.clear();
    this.#spans.set(size, spans);
    return spans;
  }

  /** Blackens the covered pixels of a picture with interleaved channels, in place. */
  blacken(pixels: Uint8Array, width: number, height: number, channels: number): void {
    for (const { row, from, to } of this.spans(width, height)) {
      pixels.fill(0, (row * width + from) * channels, (row * width + to) * channels);
    }
  }

  /** One byte per pixel, row by row: 1 = visible, 0 = covered. */
  visible(width: number, height: number): Uint8Array {
    const visible = new Uint8Array(width * height).fill(1);
    this.blacken(visible, width, height, 1);
    return visible;
  }
}

function scanConvert(polygon: Polygon, width: number, height: number): Span[] {
  const spans: Span[] = [];
  for (let row = 0; row < height; row += 1) {
    const y = (row + 0.5) / height;
    const crossings: number[] = [];
    polygon.forEach(([x1, y1], index) => {
      const [x2, y2] = polygon[(index + 1) % polygon.length]!;
      if (y1 <= y !== y2 <= y) crossings.push(x1 + ((y - y1) / (y2 - y1)) * (x2 - x1));
    });
    crossings.sort((one, other) => one - other);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = Math.max(0, Math.ceil(crossings[i]! * width - 0.5));
      const to = Math.min(width, Math.ceil(crossings[i + 1]! * width - 0.5));
      if (from < to) spans.push({ row, from, to });
    }
  }
  return spans;
}
