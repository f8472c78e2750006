import type { FeatureTransform } from '../head.js';
import {
  type Candidate,
  checkCancelled,
  checkTrainingSet,
  classBalancedWeights,
  type Grouping,
  groupingOf,
  judgedRows,
  type LinearFit,
  sharesOf,
  type TrainingSet,
} from '../training-set.js';
import { transformFeatures } from '../transform.js';
import { type CentredProblem, RidgeSystem } from './ridge-system.js';
import { bestCandidate, judgeLogits, macroScale, pickRows } from './select.js';

/** Nine λ from 10⁻³ to 10², in units of the mean diagonal of the centred, weighted Gram matrix. */
export const RIDGE_LAMBDAS: readonly number[] = Array.from(
  { length: 9 },
  (_, i) => 10 ** (-3 + (5 * i) / 8),
);

export interface RidgeOptions {
  /** In units of the mean Gram diagonal; > 0. */
  lambdas?: readonly number[];
  transform: FeatureTransform;
  /** Checked between steps; an aborted fit throws HL_TRAINING_CANCELLED. */
  signal?: AbortSignal;
}

/**
 * Class-balanced ridge regression on one-hot targets with an unpenalised bias. λ is chosen by exact
 * leave-one-group-out macro log-loss (by macro-F1 where that differs by less than 0.1 %).
 *
 * Balance: row weights are N / (C n_class) over all rows, views included, and stay the same when a
 * group is left out; near-duplicates count together as one row. A view is left out with its group and
 * is never judged. One factor turns ridge outputs into logits; it is fitted per λ on the left-out
 * outputs and folded into weights and bias.
 * Cost in multiply-adds: N d² / 2 for the Gram matrix, 2 d³ / 3 for its reduction, N d² for the
 * rotation, then per λ about N d (C + group size / 2); for N < 0.8 d, N and d change places.
 * Memory: 8 N d bytes and 8 min(N, d)² bytes.
 *
 * `lambda` in the result is relative too: `lambdas: [fit.lambda]` fits the same head again.
 * @throws HL_TRAINING_SET_INVALID, HL_TRAINING_CANCELLED
 */
export function fitRidge(set: TrainingSet, options: RidgeOptions): LinearFit {
  checkTrainingSet(set);
  const lambdas = options.lambdas ?? RIDGE_LAMBDAS;
  const grouping = groupingOf(set);
  const { problem, order, featureMean, targetMean, unit } = centre(
    set,
    grouping,
    options.transform,
  );
  checkCancelled(options.signal);
  const system = new RidgeSystem(problem);
  const residuals = system.leaveGroupOutResiduals(
    lambdas.map((lambda) => lambda * unit),
    () => checkCancelled(options.signal),
  );

  const { labels, judged, singleGroupClasses } = judgedRows(set, grouping);
  const judgedLabels = Int32Array.from(judged, (i) => labels[i]!);
  const outputs = residuals.map((r) => outputsOfOriginals(set, order, problem.roots, r));
  const scales: number[] = [];
  const candidates: Candidate[] = lambdas.map((lambda, l) => {
    const known = pickRows(outputs[l]!, set.classCount, judged);
    const scale = macroScale(known, judgedLabels, set.classCount);
    scales.push(scale);
    const scores = judgeLogits(
      known.map((z) => z * scale),
      judgedLabels,
      set.classCount,
    );
    return { lambda, transform: options.transform, ...scores };
  });
  const best = bestCandidate(candidates);
  const scale = scales[best]!;

  const coefficients = system.coefficients(lambdas[best]! * unit);
  const bias = new Float32Array(set.classCount);
  for (let c = 0; c < set.classCount; c++) {
    let value = targetMean[c]!;
    for (let j = 0; j < set.featureSize; j++) {
      value -= coefficients[c * set.featureSize + j]! * featureMean[j]!;
    }
    bias[c] = scale * value;
  }
  return {
    weights: Float32Array.from(coefficients, (w) => w * scale),
    bias,
    lambda: lambdas[best]!,
    transform: options.transform,
    leaveGroupOutLogits: outputs[best]!.map((z) => z * scale),
    candidates,
    grouping: grouping.kind,
    singleGroupClasses,
  };
}

interface Centred {
  problem: CentredProblem;
  /** Row of the training set behind each row of the problem. */
  order: Int32Array;
  featureMean: Float64Array;
  targetMean: Float64Array;
  /** Mean diagonal of XᵀX: the unit of λ. */
  unit: number;
}

function centre(set: TrainingSet, grouping: Grouping, transform: FeatureTransform): Centred {
  const { featureSize: d, classCount } = set;
  const n = grouping.rows.length;
  const byGroup = Int32Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => grouping.groups[a]! - grouping.groups[b]! || a - b,
  );
  const order = byGroup.map((i) => grouping.rows[i]!);
  const groupStarts = new Int32Array(grouping.groupCount + 1);
  for (const group of grouping.groups) groupStarts[group + 1]!++;
  for (let g = 0; g < grouping.groupCount; g++) groupStarts[g + 1]! += groupStarts[g]!;

  const labels = order.map((row) => set.labels[row]!);
  const every = sharesOf(set);
  const shares = Float64Array.from(order, (row) => every[row]!);
  const weights = classBalancedWeights(labels, classCount, shares);
  const roots = weights.map(Math.sqrt);
  const x = new Float64Array(n * d);
  const featureMean = new Float64Array(d);
  const targetMean = new Float64Array(classCount);
  const total = weights.reduce((sum, w) => sum + w, 0);
  for (let i = 0; i < n; i++) {
    const from = order[i]! * d;
    const row = transformFeatures(set.features.subarray(from, from + d), d, transform);
    x.set(row, i * d);
    const share = weights[i]! / total;
    for (let j = 0; j < d; j++) featureMean[j] = featureMean[j]! + share * row[j]!;
    targetMean[labels[i]!]! += share;
  }
  const y = new Float64Array(n * classCount);
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const root = roots[i]!;
    for (let j = 0; j < d; j++) {
      const value = root * (x[i * d + j]! - featureMean[j]!);
      x[i * d + j] = value;
      squares += value * value;
    }
    for (let c = 0; c < classCount; c++) {
      y[i * classCount + c] = root * ((labels[i] === c ? 1 : 0) - targetMean[c]!);
    }
  }
  const problem = { x, y, roots, rows: n, features: d, targets: classCount, groupStarts };
  return { problem, order, featureMean, targetMean, unit: squares > 0 ? squares / d : 1 };
}

/** Left-out outputs ŷ of the rows that are not views, in the order of the training set. */
function outputsOfOriginals(
  set: TrainingSet,
  order: Int32Array,
  roots: Float64Array,
  residuals: Float64Array,
): Float64Array {
  const { classCount } = set;
  const place = new Int32Array(set.rows).fill(-1);
  let originals = 0;
  for (let row = 0; row < set.rows; row++) if (set.isView[row] === 0) place[row] = originals++;
  const out = new Float64Array(originals * classCount);
  for (let i = 0; i < order.length; i++) {
    const row = order[i]!;
    if (place[row] === -1) continue;
    for (let c = 0; c < classCount; c++) {
      const target = set.labels[row] === c ? 1 : 0;
      out[place[row]! * classCount + c] = target - residuals[i * classCount + c]! / roots[i]!;
    }
  }
  return out;
}
