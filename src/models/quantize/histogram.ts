/** Bins of a histogram; an even number, so that zero stays an edge while it widens. */
const BINS = 4096;

/**
 * The distribution of a tensor's values: exact extremes, and counts in bins around zero whose width
 * doubles whenever a value falls outside. One pass, constant memory.
 */
export class Histogram {
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  readonly counts = new Float64Array(BINS);
  /** The bins cover -limit to limit; a power of two. */
  limit = 2 ** -6;

  add(values: Float32Array): void {
    let low = this.min;
    let high = this.max;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    this.min = low;
    this.max = high;
    while (Math.max(-low, high) >= this.limit) this.widen();
    const { counts, limit } = this;
    const perUnit = BINS / (2 * limit);
    for (let i = 0; i < values.length; i++) {
      // A bit operation is the fastest floor of a non-negative number.
      const bin = (((values[i] as number) + limit) * perUnit) | 0;
      counts[bin] = (counts[bin] as number) + 1;
    }
  }

  /** Middle of a bin. */
  valueOf(bin: number): number {
    return ((bin + 0.5) / BINS) * 2 * this.limit - this.limit;
  }

  private widen(): void {
    const half = BINS / 2;
    const merged = new Float64Array(BINS);
    for (let bin = 0; bin < BINS; bin++) {
      const to = half / 2 + (bin >> 1);
      merged[to] = (merged[to] as number) + (this.counts[bin] as number);
    }
    this.counts.set(merged);
    this.limit *= 2;
  }
}
