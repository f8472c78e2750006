export type Rgb = readonly [number, number, number];

/** An 8-bit RGB image to draw on, rows from the top, no padding. */
export class Canvas {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.data = new Uint8ClampedArray(width * height * 3);
  }

  /**
   * Calls `paint` for each pixel within `reachX` and `reachY` of (x, y), with its offset from that
   * point and the index of its red byte.
   */
  visit(
    x: number,
    y: number,
    reachX: number,
    reachY: number,
    paint: (dx: number, dy: number, index: number) => void,
  ): void {
    const left = Math.max(0, Math.ceil(x - reachX));
    const right = Math.min(this.width - 1, Math.floor(x + reachX));
    const top = Math.max(0, Math.ceil(y - reachY));
    const bottom = Math.min(this.height - 1, Math.floor(y + reachY));
    for (let row = top; row <= bottom; row += 1) {
      let index = (row * this.width + left) * 3;
      for (let column = left; column <= right; column += 1, index += 3) {
        paint(column - x, row - y, index);
      }
    }
  }

  /** Mixes a colour over a pixel; `alpha` 0..1. */
  mix(index: number, red: number, green: number, blue: number, alpha: number): void {
    const data = this.data;
    data[index] = data[index]! + (red - data[index]!) * alpha;
    data[index + 1] = data[index + 1]! + (green - data[index + 1]!) * alpha;
    data[index + 2] = data[index + 2]! + (blue - data[index + 2]!) * alpha;
  }

  /** Draws a soft elliptic shadow that removes up to `depth` (0..1) of the light at its centre. */
  shade(x: number, y: number, radiusX: number, radiusY: number, depth: number): void {
    const data = this.data;
    const scaleX = 1 / radiusX;
    const scaleY = 1 / radiusY;
    this.visit(x, y, radiusX, radiusY, (dx, dy, index) => {
      const d = dx * dx * scaleX * scaleX + dy * dy * scaleY * scaleY;
      if (d >= 1) return;
      const light = 1 - depth * Math.min(1, (1 - d) * 1.8);
      data[index] = data[index]! * light;
      data[index + 1] = data[index + 1]! * light;
      data[index + 2] = data[index + 2]! * light;
    });
  }

  /** Motion blur of a moving robot: averages `length` rows downwards. */
  blurDownwards(length: number): void {
    if (length < 2) return;
    const { width, height, data } = this;
    const stride = width * 3;
    const sums = new Uint16Array(stride);
    const reciprocal = 1 / length;
    const ring = new Uint8Array(stride * length);
    for (let row = 0; row < height + length - 1; row += 1) {
      const slot = (row % length) * stride;
      const source = Math.min(row, height - 1) * stride;
      const target = (row - length + 1) * stride;
      for (let i = 0; i < stride; i += 1) {
        const value = data[source + i]!;
        sums[i] = sums[i]! + value - (row >= length ? ring[slot + i]! : 0);
        ring[slot + i] = value;
        if (target >= 0) data[target + i] = sums[i]! * reciprocal;
      }
    }
  }

  /** A cheap defocus: each of `times` rounds averages 2 x 2 pixels. */
  soften(times: number): void {
    const { width, height, data } = this;
    const stride = width * 3;
    for (let round = 0; round < times; round += 1) {
      for (let row = 0; row < height - 1; row += 1) {
        const end = row * stride + stride - 3;
        for (let i = row * stride; i < end; i += 1) {
          data[i] = (data[i]! + data[i + 3]! + data[i + stride]! + data[i + stride + 3]!) >> 2;
        }
      }
    }
  }
}
