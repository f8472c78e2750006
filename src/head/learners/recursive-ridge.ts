import { DEFECT_REMEDY, HeadlandError } from '../../base/errors.js';
import { updateInverse } from '../algebra/triangular.js';

export interface RecursiveRidgeOptions {
  /** d. */
  featureSize: number;
  /** Penalty on every weight, absolute; > 0. */
  lambda: number;
  /** Penalty on the bias; small, so that the mean is hardly held back. Default 10⁻³. */
  biasLambda?: number;
}

/**
 * Ridge regression on one-hot targets that learns and unlearns one row at a time (recursive least
 * squares; Plackett 1950): the inverse (XᵀX + Λ)⁻¹ takes a rank-1 change per row, O(d²), and the
 * solution follows. Classes appear when their first row does. The order of rows does not matter:
 * learning classes one after the other gives the head that learning all at once gives, so nothing
 * is ever forgotten; `remove` is the exact inverse of `add`.
 *
 * State: 8 (d+1)² bytes (13 MB for d = 1,280). Rounding grows slowly; start again from the stored
 * features after some ten thousand changes. Rows must be transformed before they come here.
 */
export class RecursiveRidge {
  readonly featureSize: number;
  readonly #size: number;
  readonly #inverse: Float64Array;
  /** One array of d + 1 per class, bias last. */
  readonly #solution: Float64Array[] = [];
  #rows = 0;

  constructor(options: RecursiveRidgeOptions) {
    const { featureSize, lambda, biasLambda = 1e-3 } = options;
    if (!(featureSize >= 1 && lambda > 0 && biasLambda > 0)) {
      throw new HeadlandError(
        'HL_RIDGE_INVALID',
        `cannot learn from ${featureSize} features with λ ${lambda}, bias λ ${biasLambda}`,
        { remedy: DEFECT_REMEDY },
      );
    }
    this.featureSize = featureSize;
    this.#size = featureSize + 1;
    this.#inverse = new Float64Array(this.#size * this.#size);
    for (let j = 0; j < featureSize; j++) this.#inverse[j * this.#size + j] = 1 / lambda;
    this.#inverse[featureSize * this.#size + featureSize] = 1 / biasLambda;
  }

  /** Rows learned and not unlearned. */
  get rows(): number {
    return this.#rows;
  }

  get classCount(): number {
    return this.#solution.length;
  }

  /**
   * Learns one row. A class index beyond those known adds classes.
   * @param x d features, finite. @param y class index. @param weight > 0, by default 1.
   * @throws HL_RIDGE_INVALID
   */
  add(x: Float32Array, y: number, weight = 1): void {
    this.#change(x, y, weight, 1);
  }

  /**
   * Unlearns a row that was learned before with the same class and weight, in any order.
   * @throws HL_RIDGE_INVALID, HL_MATRIX_NOT_POSITIVE_DEFINITE when it cannot have been learned.
   */
  remove(x: Float32Array, y: number, weight = 1): void {
    if (y >= this.classCount || this.#rows === 0) {
      throw new HeadlandError(
        'HL_RIDGE_INVALID',
        `cannot remove a row of class ${y}: none was learned`,
        {
          remedy: DEFECT_REMEDY,
        },
      );
    }
    this.#change(x, y, weight, -1);
  }

  #change(x: Float32Array, y: number, weight: number, sign: 1 | -1): void {
    const d = this.featureSize;
    const root = Math.sqrt(weight);
    const row = new Float64Array(this.#size);
    if (x.length === d) for (let j = 0; j < d; j++) row[j] = root * x[j]!;
    row[d] = root;
    const valid = x.length === d && Number.isInteger(y) && y >= 0 && weight > 0;
    if (!valid || !row.every(Number.isFinite)) {
      throw new HeadlandError(
        'HL_RIDGE_INVALID',
        `cannot learn a row of ${x.length} features of ${d}, class ${y}, weight ${weight}`,
        { remedy: DEFECT_REMEDY },
      );
    }
    const { direction, denominator } = updateInverse(this.#inverse, this.#size, row, sign);
    while (this.#solution.length <= y) this.#solution.push(new Float64Array(this.#size));
    for (const [c, solution] of this.#solution.entries()) {
      let predicted = 0;
      for (let j = 0; j < this.#size; j++) predicted += solution[j]! * row[j]!;
      const step = (sign * ((c === y ? root : 0) - predicted)) / denominator;
      for (let j = 0; j < this.#size; j++) solution[j] = solution[j]! + step * direction[j]!;
    }
    this.#rows += sign;
  }

  /**
   * The ridge solution for what is learned now: weights C x d, row-major, and bias C. The outputs
   * are regressions on 0 and 1, not logits: see fitScale.
   */
  weights(): { weights: Float64Array; bias: Float64Array } {
    const d = this.featureSize;
    const weights = new Float64Array(this.classCount * d);
    for (const [c, solution] of this.#solution.entries()) {
      weights.set(solution.subarray(0, d), c * d);
    }
    return { weights, bias: Float64Array.from(this.#solution, (solution) => solution[d]!) };
  }
}
