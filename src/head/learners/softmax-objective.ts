/** Rows processed together, so that their part of X stays in the second-level cache. */
const BLOCK = 32;

export interface SoftmaxData {
  /** rows x features, row-major. */
  x: Float32Array;
  labels: Int32Array;
  /** Weight per row, not negative; adjacent rows of weight 0 cost nothing. */
  weights: Float64Array;
  rows: number;
  features: number;
  classes: number;
}

/** Length of the parameters: classes x features weights, row-major, then one bias per class. */
export function parameterCount(features: number, classes: number): number {
  return classes * (features + 1);
}

/**
 * Multinomial logistic regression with an L2 penalty on the weights and none on the bias:
 * Σ w_i (-ln p_i[y_i]) / Σ w_i + λ/2 ‖W‖². Convex; sums in Float64 whatever the features are.
 */
export class SoftmaxObjective {
  readonly data: SoftmaxData;
  readonly #totalWeight: number;
  /** Number of classes, rounded up to even: the kernels take two at a time. */
  readonly #padded: number;
  readonly #weights: Float64Array;
  readonly #gradient: Float64Array;
  readonly #scores: Float64Array;
  readonly #tile = new Float64Array(4 * BLOCK);

  constructor(data: SoftmaxData) {
    this.data = data;
    this.#totalWeight = data.weights.reduce((sum, w) => sum + w, 0);
    this.#padded = data.classes + (data.classes % 2);
    this.#weights = new Float64Array(this.#padded * data.features);
    this.#gradient = new Float64Array(this.#padded * data.features);
    this.#scores = new Float64Array(this.#padded * BLOCK);
  }

  /** Value at `parameters`; writes the gradient. */
  evaluate(parameters: Float64Array, lambda: number, gradient: Float64Array): number {
    const { rows, features, classes } = this.data;
    const size = classes * features;
    this.#weights.set(parameters.subarray(0, size));
    this.#gradient.fill(0);
    gradient.fill(0, size);
    let loss = 0;
    for (let from = 0; from < rows; from += BLOCK) {
      const count = Math.min(BLOCK, rows - from);
      if (this.#isLeftOut(from, count)) continue;
      this.#score(from, count, parameters);
      for (let i = 0; i < count; i++) {
        const at = i * this.#padded;
        const weight = this.data.weights[from + i]! / this.#totalWeight;
        const label = this.data.labels[from + i]!;
        loss += weight * this.#toProbabilities(at, label);
        for (let c = 0; c < classes; c++) {
          const p = this.#scores[at + c]!;
          const residual = weight * (p - (c === label ? 1 : 0));
          this.#scores[at + c] = residual;
          gradient[size + c] = gradient[size + c]! + residual;
        }
      }
      this.#accumulate(from, count);
    }
    let squares = 0;
    for (let i = 0; i < size; i++) {
      squares += parameters[i]! * parameters[i]!;
      gradient[i] = this.#gradient[i]! + lambda * parameters[i]!;
    }
    return loss + (lambda / 2) * squares;
  }

  /** Logits of rows [from, to): (to-from) x classes, row-major. */
  logits(parameters: Float64Array, from: number, to: number): Float64Array {
    const { features, classes } = this.data;
    this.#weights.set(parameters.subarray(0, classes * features));
    const out = new Float64Array((to - from) * classes);
    for (let start = from; start < to; start += BLOCK) {
      const count = Math.min(BLOCK, to - start);
      this.#score(start, count, parameters);
      for (let i = 0; i < count; i++) {
        const at = i * this.#padded;
        out.set(this.#scores.subarray(at, at + classes), (start - from + i) * classes);
      }
    }
    return out;
  }

  #isLeftOut(from: number, count: number): boolean {
    for (let i = from; i < from + count; i++) if (this.data.weights[i]! > 0) return false;
    return true;
  }

  /** Turns the scores at `at` into probabilities; returns -ln p of the label. */
  #toProbabilities(at: number, label: number): number {
    const scores = this.#scores;
    const { classes } = this.data;
    let largest = scores[at]!;
    for (let c = 1; c < classes; c++) largest = Math.max(largest, scores[at + c]!);
    let sum = 0;
    const own = scores[at + label]!;
    for (let c = 0; c < classes; c++) {
      const value = Math.exp(scores[at + c]! - largest);
      scores[at + c] = value;
      sum += value;
    }
    for (let c = 0; c < classes; c++) scores[at + c] = scores[at + c]! / sum;
    return Math.log(sum) + largest - own;
  }

  /** scores = X Wᵀ + bias for a block of rows: four rows by two classes at once. */
  #score(from: number, count: number, parameters: Float64Array): void {
    const { x, features: d, classes } = this.data;
    const w = this.#weights;
    const padded = this.#padded;
    const scores = this.#scores;
    for (let i = 0; i < count; i += 4) {
      // An incomplete four repeats its last row, which writes the same value to the same place.
      const i1 = Math.min(i + 1, count - 1);
      const i2 = Math.min(i + 2, count - 1);
      const i3 = Math.min(i + 3, count - 1);
      const x0 = (from + i) * d;
      const x1 = (from + i1) * d;
      const x2 = (from + i2) * d;
      const x3 = (from + i3) * d;
      for (let c = 0; c < padded; c += 2) {
        const w0 = c * d;
        const w1 = w0 + d;
        const bias0 = parameters[classes * d + c]!;
        const bias1 = c + 1 < classes ? parameters[classes * d + c + 1]! : 0;
        let s00 = bias0;
        let s01 = bias1;
        let s10 = bias0;
        let s11 = bias1;
        let s20 = bias0;
        let s21 = bias1;
        let s30 = bias0;
        let s31 = bias1;
        for (let j = 0; j < d; j++) {
          const a = w[w0 + j]!;
          const b = w[w1 + j]!;
          const y0 = x[x0 + j]!;
          s00 += y0 * a;
          s01 += y0 * b;
          const y1 = x[x1 + j]!;
          s10 += y1 * a;
          s11 += y1 * b;
          const y2 = x[x2 + j]!;
          s20 += y2 * a;
          s21 += y2 * b;
          const y3 = x[x3 + j]!;
          s30 += y3 * a;
          s31 += y3 * b;
        }
        scores[i * padded + c] = s00;
        scores[i * padded + c + 1] = s01;
        scores[i1 * padded + c] = s10;
        scores[i1 * padded + c + 1] = s11;
        scores[i2 * padded + c] = s20;
        scores[i2 * padded + c + 1] = s21;
        scores[i3 * padded + c] = s30;
        scores[i3 * padded + c + 1] = s31;
      }
    }
  }

  /** gradient += scoresᵀ X for a block of rows: two classes by four features at once. */
  #accumulate(from: number, count: number): void {
    const { x, features: d } = this.data;
    const padded = this.#padded;
    const { length } = this.#gradient;
    const whole = d - (d % 4);
    for (let j = 0; j < whole; j += 4) {
      packColumns(x, from * d + j, d, count, this.#tile);
      for (let c = 0, at = j; at < length; c += 2, at += 2 * d) {
        accumulateTile(this.#tile, this.#scores, c, padded, count, this.#gradient, at, d);
      }
    }
    for (let j = whole; j < d; j++) {
      for (let i = 0; i < count; i++) {
        const value = x[(from + i) * d + j]!;
        for (let c = 0; c < padded; c++) {
          const at = c * d + j;
          this.#gradient[at] = this.#gradient[at]! + this.#scores[i * padded + c]! * value;
        }
      }
    }
  }
}

function packColumns(
  x: Float32Array,
  from: number,
  stride: number,
  count: number,
  tile: Float64Array,
): void {
  for (let i = 0, read = from, write = 0; i < count; i++, read += stride, write += 4) {
    tile[write] = x[read]!;
    tile[write + 1] = x[read + 1]!;
    tile[write + 2] = x[read + 2]!;
    tile[write + 3] = x[read + 3]!;
  }
}

function accumulateTile(
  tile: Float64Array,
  scores: Float64Array,
  c: number,
  padded: number,
  count: number,
  gradient: Float64Array,
  at: number,
  stride: number,
): void {
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  for (let i = 0, p = c, t = 0; i < count; i++, p += padded, t += 4) {
    const a = scores[p]!;
    const b = scores[p + 1]!;
    const y0 = tile[t]!;
    s00 += a * y0;
    s10 += b * y0;
    const y1 = tile[t + 1]!;
    s01 += a * y1;
    s11 += b * y1;
    const y2 = tile[t + 2]!;
    s02 += a * y2;
    s12 += b * y2;
    const y3 = tile[t + 3]!;
    s03 += a * y3;
    s13 += b * y3;
  }
  gradient[at] = gradient[at]! + s00;
  gradient[at + 1] = gradient[at + 1]! + s01;
  gradient[at + 2] = gradient[at + 2]! + s02;
  gradient[at + 3] = gradient[at + 3]! + s03;
  const next = at + stride;
  gradient[next] = gradient[next]! + s10;
  gradient[next + 1] = gradient[next + 1]! + s11;
  gradient[next + 2] = gradient[next + 2]! + s12;
  gradient[next + 3] = gradient[next + 3]! + s13;
}
