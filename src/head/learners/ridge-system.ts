import { addProductTransposed, cholesky, gramOfColumns, gramOfRows } from '../algebra/linalg.js';
import { solveCholesky } from '../algebra/triangular.js';
import {
  factoriseShifted,
  rotateRows,
  rotateRowsBack,
  type Tridiagonal,
  tridiagonalise,
  unwhitenRows,
  whitenRows,
} from '../algebra/tridiagonal.js';

/**
 * A weighted ridge regression with an unpenalised bias, centred and scaled, for many λ at once.
 * Rows of one group are adjacent.
 */
export interface CentredProblem {
  /** rows x features, row-major: sqrt(w_i) (x_i - mean x). The primal form overwrites it. */
  x: Float64Array;
  /** rows x targets, row-major: sqrt(w_i) (y_i - mean y). */
  y: Float64Array;
  /** sqrt(w_i). */
  roots: Float64Array;
  rows: number;
  features: number;
  targets: number;
  /** First row of each group, and `rows` as the last entry. */
  groupStarts: Int32Array;
}

/** The primal form factorises features x features, the dual form rows x rows. */
export function prefersDual(rows: number, features: number): boolean {
  return rows < 0.8 * features;
}

/**
 * Ridge solutions and exact leave-group-out residuals for every λ from a single tridiagonal
 * reduction of the Gram matrix (L. Eldén 1977) and the rotated rows R = XQ (dual: R = Q).
 *
 * With hat matrix H, residuals without group g are (I - H_gg)⁻¹ (y_g - ŷ_g): the block form of the
 * classic leave-one-out identity (Cook & Weisberg 1982; Golub, Heath & Wahba 1979). A bias without
 * penalty is the projection on s = sqrt(w), so that H = s sᵀ/sᵀs + X (XᵀX + λI)⁻¹ Xᵀ for centred X.
 * The mean therefore moves, exactly, with the group that is left out. In the dual, I - H = λ (K +
 * λI)⁻¹ - s sᵀ/sᵀs.
 */
export class RidgeSystem {
  readonly #problem: CentredProblem;
  readonly #dual: boolean;
  readonly #t: Tridiagonal;
  /** rows x size: each row in the basis in which the Gram matrix is tridiagonal. */
  readonly #rotated: Float64Array;
  /** targets x size: Rᵀ y. */
  readonly #projected: Float64Array;
  readonly #totalWeight: number;

  constructor(problem: CentredProblem) {
    const { x, rows, features } = problem;
    this.#problem = problem;
    this.#dual = prefersDual(rows, features);
    if (this.#dual) {
      this.#t = tridiagonalise(gramOfRows(x, rows, features), rows);
      this.#rotated = new Float64Array(rows * rows);
      for (let i = 0; i < rows; i++) this.#rotated[i * rows + i] = 1;
    } else {
      this.#t = tridiagonalise(gramOfColumns(x, 0, rows, features), features);
      this.#rotated = x;
    }
    rotateRows(this.#t, this.#rotated, rows);
    this.#projected = this.#project(0, rows);
    this.#totalWeight = problem.roots.reduce((sum, root) => sum + root * root, 0);
  }

  /** Rᵀ y over rows [from, to): targets x size. */
  #project(from: number, to: number): Float64Array {
    const size = this.#t.size;
    const { y, targets } = this.#problem;
    const out = new Float64Array(targets * size);
    for (let i = from; i < to; i++) {
      for (let c = 0; c < targets; c++) {
        const factor = y[i * targets + c]!;
        const at = c * size;
        const row = i * size;
        for (let j = 0; j < size; j++)
          out[at + j] = out[at + j]! + factor * this.#rotated[row + j]!;
      }
    }
    return out;
  }

  /** Coefficients on centred x for one λ: targets x features, row-major. */
  coefficients(lambda: number): Float64Array {
    const { targets, rows, features, x } = this.#problem;
    const solution = this.#solve(this.#t, this.#projected, lambda);
    if (!this.#dual) return solution;
    const out = new Float64Array(targets * features);
    for (let i = 0; i < rows; i++) {
      for (let c = 0; c < targets; c++) {
        const factor = solution[c * rows + i]!;
        for (let j = 0; j < features; j++) {
          out[c * features + j] = out[c * features + j]! + factor * x[i * features + j]!;
        }
      }
    }
    return out;
  }

  /** Q (T + λI)⁻¹ times each row of `projected`. */
  #solve(t: Tridiagonal, projected: Float64Array, lambda: number): Float64Array {
    const { targets } = this.#problem;
    const factor = factoriseShifted(t, lambda);
    const solution = new Float64Array(projected.length);
    whitenRows(factor, projected, 0, targets, solution);
    unwhitenRows(factor, solution, targets);
    rotateRowsBack(t, solution, targets);
    return solution;
  }

  /**
   * Residuals y - ŷ of every row with the row's group left out, for each λ: rows x targets,
   * row-major, in the scale of the problem (times sqrt(w_i)).
   * @param onGroup called after each group, so that the caller can cancel.
   */
  leaveGroupOutResiduals(
    lambdas: readonly number[],
    onGroup: () => void = () => {},
  ): Float64Array[] {
    const { rows, targets, groupStarts } = this.#problem;
    const residuals = lambdas.map(() => new Float64Array(rows * targets));
    const factors = lambdas.map((lambda) => factoriseShifted(this.#t, lambda));
    const whitened = factors.map((factor) => {
      const out = new Float64Array(this.#projected.length);
      whitenRows(factor, this.#projected, 0, targets, out);
      return out;
    });
    for (let g = 0; g + 1 < groupStarts.length; g++) {
      const from = groupStarts[g]!;
      const to = groupStarts[g + 1]!;
      if (this.#refitIsCheaper(to - from, lambdas.length)) {
        this.#refitWithout(from, to, lambdas, residuals);
      } else {
        const z = new Float64Array((to - from) * this.#t.size);
        for (const [l, lambda] of lambdas.entries()) {
          whitenRows(factors[l]!, this.#rotated, from, to - from, z);
          this.#residualsOfGroup(from, to, lambda, z, whitened[l]!, residuals[l]!);
        }
      }
      onGroup();
    }
    return residuals;
  }

  #residualsOfGroup(
    from: number,
    to: number,
    lambda: number,
    z: Float64Array,
    whitened: Float64Array,
    out: Float64Array,
  ): void {
    const { roots, y, targets } = this.#problem;
    const size = this.#t.size;
    const m = to - from;
    const rows = { data: z, offset: 0, stride: size };
    const fitted = new Float64Array(m * targets);
    const solutions = { data: whitened, offset: 0, stride: size };
    const target = { data: fitted, offset: 0, stride: targets };
    addProductTransposed(target, rows, m, solutions, targets, size);
    const hat = new Float64Array(m * m);
    addProductTransposed({ data: hat, offset: 0, stride: m }, rows, m, rows, m, size, 1, true);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j <= i; j++) {
        const bias = (roots[from + i]! * roots[from + j]!) / this.#totalWeight;
        const at = i * m + j;
        hat[at] = this.#dual ? lambda * hat[at]! - bias : (i === j ? 1 : 0) - hat[at]! - bias;
      }
    }
    for (let i = 0; i < fitted.length; i++) {
      fitted[i] = this.#dual ? lambda * fitted[i]! : y[from * targets + i]! - fitted[i]!;
    }
    cholesky(hat, m);
    solveCholesky(hat, m, fitted, targets);
    out.set(fitted, from * targets);
  }

  /**
   * Whether fitting the other rows again is cheaper than the block identity; so for large groups.
   */
  #refitIsCheaper(m: number, lambdas: number): boolean {
    if (this.#dual) return false;
    const k = this.#t.size;
    const byBlock = lambdas * (m * m * (k / 2) + m ** 3 / 6);
    const byRefit = m * k * (k / 2) + (2 / 3) * k ** 3 + lambdas * this.#problem.targets * k * k;
    return byRefit < byBlock;
  }

  /**
   * The same residuals from a second reduction, of T - R_gᵀR_g around the mean without the group.
   */
  #refitWithout(
    from: number,
    to: number,
    lambdas: readonly number[],
    residuals: Float64Array[],
  ): void {
    const { targets } = this.#problem;
    const means = this.#meansWithout(from, to);
    const projected = this.#projectWithout(from, to, means);
    const t = tridiagonalise(this.#gramWithout(from, to, means), this.#t.size);
    rotateRows(t, projected, targets);
    for (const [l, lambda] of lambdas.entries()) {
      this.#residualsOfRefit(from, to, means, this.#solve(t, projected, lambda), residuals[l]!);
    }
  }

  #meansWithout(from: number, to: number): Means {
    const { roots, y, targets } = this.#problem;
    const size = this.#t.size;
    const features = new Float64Array(size);
    const ofTargets = new Float64Array(targets);
    let weight = this.#totalWeight;
    for (let i = from; i < to; i++) weight -= roots[i]! * roots[i]!;
    for (let i = from; i < to; i++) {
      const factor = -roots[i]! / weight;
      addTimes(features, this.#rotated, i * size, factor);
      addTimes(ofTargets, y, i * targets, factor);
    }
    return { features, targets: ofTargets, weight };
  }

  /** RᵀR of the rows outside [from, to) around their own mean; only the lower triangle is valid. */
  #gramWithout(from: number, to: number, { features: mean, weight }: Means): Float64Array {
    const { size, diagonal, subdiagonal } = this.#t;
    const gram = gramOfColumns(this.#rotated, from, to, size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) {
        const all = i === j ? diagonal[i]! : i === j + 1 ? subdiagonal[i]! : 0;
        gram[i * size + j] = all - gram[i * size + j]! - weight * mean[i]! * mean[j]!;
      }
    }
    return gram;
  }

  /** Rᵀ y of the rows outside [from, to) around their own means: targets x size. */
  #projectWithout(from: number, to: number, means: Means): Float64Array {
    const size = this.#t.size;
    const projected = this.#project(from, to);
    for (let c = 0; c < this.#problem.targets; c++) {
      for (let j = 0; j < size; j++) {
        const at = c * size + j;
        const moved = means.weight * means.features[j]! * means.targets[c]!;
        projected[at] = this.#projected[at]! - projected[at]! - moved;
      }
    }
    return projected;
  }

  /** Residuals of rows [from, to) from a fit without them. `solution`: targets x size. */
  #residualsOfRefit(
    from: number,
    to: number,
    means: Means,
    solution: Float64Array,
    out: Float64Array,
  ): void {
    const { roots, y, targets } = this.#problem;
    const size = this.#t.size;
    const mean = means.features;
    const rotated = this.#rotated;
    for (let i = from; i < to; i++) {
      for (let c = 0; c < targets; c++) {
        let value = means.targets[c]! * roots[i]!;
        for (let j = 0; j < size; j++) {
          const centred = rotated[i * size + j]! - roots[i]! * mean[j]!;
          value += centred * solution[c * size + j]!;
        }
        out[i * targets + c] = y[i * targets + c]! - value;
      }
    }
  }
}

/** Means without a group, in the basis of the rotated rows, and the remaining weight. */
interface Means {
  features: Float64Array;
  targets: Float64Array;
  weight: number;
}

/** target += factor · x[from ..], as many values as `target` has. */
function addTimes(target: Float64Array, x: Float64Array, from: number, factor: number): void {
  for (let j = 0; j < target.length; j++) target[j] = target[j]! + factor * x[from + j]!;
}
