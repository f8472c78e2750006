import { dot, type Evaluation, lbfgs } from '../algebra/lbfgs.js';
import { foldsOf } from '../folds.js';
import type { FeatureTransform } from '../head.js';
import {
  type Candidate,
  checkCancelled,
  checkTrainingSet,
  classBalancedWeights,
  groupingOf,
  judgedRows,
  type LinearFit,
  sharesOf,
  type TrainingSet,
} from '../training-set.js';
import { bestCandidate, judgeLogits, macroScale, pickRows } from './select.js';
import { parameterCount, type SoftmaxData, SoftmaxObjective } from './softmax-objective.js';
import { type Standardised, standardise } from './standardise.js';

/**
 * Nine λ from 10 to 10⁻³, strongest first: penalties on features of mean variance 1 for a mean
 * loss. Weaker penalties may help left-out rows of the same place a little, but not another place.
 */
export const SOFTMAX_LAMBDAS: readonly number[] = Array.from(
  { length: 9 },
  (_, i) => 10 ** (1 - i / 2),
);

const MAX_ITERATIONS = 300;
/**
 * How far above its minimum an objective may be left, as a share of it. The measure is the bound of
 * strong convexity, ‖gradient‖² / 2λ; it is approximate, because the bias has no penalty. With few
 * rows an early end of the search acts as a second penalty and flatters the left-out log-loss (500
 * rows: by 10 %). From 1,000 rows on the effect is 1 %, and a tighter search is expensive.
 */
const TOLERANCES_FEW = { search: 1e-4, final: 1e-6 };
const TOLERANCES_MANY = { search: 1e-2, final: 1e-4 };
const MANY_ROWS = 1_000;
/** With more rows x classes than this, three folds are enough unless the caller says otherwise. */
const MANY_SCORES = 40_000;

export interface SoftmaxOptions {
  /** Penalties as in {@link SOFTMAX_LAMBDAS}; any order. */
  lambdas?: readonly number[];
  transform: FeatureTransform;
  /** Default 5, or 3 when rows x classes exceed 40,000; at most the number of groups. */
  folds?: number;
  /** Shuffles equal groups over the folds; without a seed their index decides. */
  seed?: number;
  /** Checked between iterations; an aborted fit throws HL_TRAINING_CANCELLED. */
  signal?: AbortSignal;
}

/**
 * Class-balanced multinomial logistic regression with an L2 penalty, by L-BFGS. It minimises
 *   Σ w_i (-ln p_i) / Σ w_i + λ/2 ‖W‖², w_i = N_fit / (C n_class),
 *
 * on centred features of mean variance 1 (folded into the weights afterwards), with a free bias.
 *
 * λ is chosen by stratified group k-fold. Each λ is judged after the best common factor on its
 * logits. The search goes from strong to weak penalties, and each fold starts where the λ before it
 * ended. It first tries every second λ, until the left-out macro log-loss has risen twice in a row,
 * and then the untried neighbours of the best. The left-out logits are those of the folds. The mean
 * and the scale of features come from all rows, left-out rows included: they carry no labels, and
 * the mean does not matter to a model with a free bias.
 *
 * Deterministic. Cost of one evaluation: 2 N d C multiply-adds. Memory: 4 N d bytes.
 * @throws HL_TRAINING_SET_INVALID, HL_TRAINING_CANCELLED
 */
export function fitSoftmax(set: TrainingSet, options: SoftmaxOptions): LinearFit {
  const steps = softmaxSteps(set, options);
  let step = steps.next();
  while (!step.done) {
    const { objective, x, lambda, gradient } = step.value;
    step = steps.next(objective.evaluate(x, lambda, gradient));
  }
  return step.value;
}

/** Another implementation of {@link SoftmaxObjective}; it may round more coarsely. */
export interface SoftmaxEngine {
  /**
   * Value at `parameters`; writes the gradient. `data` is the same object in every call of a fold.
   */
  evaluate(
    data: SoftmaxData,
    parameters: Float64Array,
    lambda: number,
    gradient: Float64Array,
  ): Promise<number>;
}

/** {@link fitSoftmax} with the objective computed elsewhere. */
export async function fitSoftmaxWith(
  engine: SoftmaxEngine,
  set: TrainingSet,
  options: SoftmaxOptions,
): Promise<LinearFit> {
  const steps = softmaxSteps(set, options);
  let step = steps.next();
  while (!step.done) {
    const { objective, x, lambda, gradient } = step.value;
    step = steps.next(await engine.evaluate(objective.data, x, lambda, gradient));
  }
  return step.value;
}

interface SoftmaxEvaluation extends Evaluation {
  objective: SoftmaxObjective;
  lambda: number;
}

type Steps<T> = Generator<SoftmaxEvaluation, T, number>;

function* softmaxSteps(set: TrainingSet, options: SoftmaxOptions): Steps<LinearFit> {
  checkTrainingSet(set);
  const search = new Search(set, options);
  const lambdas = [...(options.lambdas ?? SOFTMAX_LAMBDAS)].sort((a, b) => b - a);
  const tried = yield* search.coarseToFine(lambdas);
  const candidates = tried.map((t) => t.candidate);
  const best = tried[bestCandidate(candidates)]!;
  const final = yield* search.fitAll(best);
  return {
    ...final,
    lambda: best.candidate.lambda,
    transform: options.transform,
    leaveGroupOutLogits: best.logits,
    candidates,
    grouping: search.grouping.kind,
    singleGroupClasses: search.judged.singleGroupClasses,
  };
}

/** A tried λ with its left-out logits and the end of each fold. */
interface Tried {
  candidate: Candidate;
  logits: Float64Array;
  starts: Float64Array[];
}

interface Part {
  objective: SoftmaxObjective;
  /** Classes without a row. */
  absent: number[];
}

class Search {
  readonly grouping;
  readonly judged;
  readonly #set: TrainingSet;
  readonly #options: SoftmaxOptions;
  readonly #folds: number;
  /**
   * First row of each fold among the rows in order of fold, and the number of rows as the last
   * entry.
   */
  readonly #foldStarts: Int32Array;
  readonly #order: Int32Array;
  readonly #labels: Int32Array;
  readonly #shares: Float64Array;
  readonly #data: Standardised;
  readonly #tolerances: { search: number; final: number };
  /** Index among the rows that are not views; -1 for views. */
  readonly #place: Int32Array;
  /** By the fold that is left out; null: no fold is. */
  readonly #parts = new Map<number | null, Part>();

  constructor(set: TrainingSet, options: SoftmaxOptions) {
    this.#set = set;
    this.#options = options;
    this.grouping = groupingOf(set);
    this.judged = judgedRows(set, this.grouping);
    const { rows } = this.grouping;
    const labels = rows.map((row) => set.labels[row]!);
    const folds = foldsOf(set, this.grouping, {
      folds: options.folds ?? (rows.length * set.classCount > MANY_SCORES ? 3 : 5),
      seed: options.seed,
    });
    this.#folds = folds.reduce((most, fold) => Math.max(most, fold), 0) + 1;
    const sorted = Int32Array.from(rows.keys()).sort((a, b) => folds[a]! - folds[b]! || a - b);
    this.#order = sorted.map((i) => rows[i]!);
    this.#labels = sorted.map((i) => labels[i]!);
    this.#tolerances = rows.length > MANY_ROWS ? TOLERANCES_MANY : TOLERANCES_FEW;
    this.#foldStarts = new Int32Array(this.#folds + 1);
    for (const fold of folds) this.#foldStarts[fold + 1]!++;
    for (let f = 0; f < this.#folds; f++) this.#foldStarts[f + 1]! += this.#foldStarts[f]!;
    this.#place = new Int32Array(set.rows).fill(-1);
    let originals = 0;
    for (let i = 0; i < set.rows; i++) if (set.isView[i] === 0) this.#place[i] = originals++;
    const shares = sharesOf(set);
    this.#shares = Float64Array.from(this.#order, (row) => shares[row]!);
    const weights = classBalancedWeights(this.#labels, set.classCount, this.#shares);
    this.#data = standardise(set, this.#order, weights, options.transform);
  }

  *coarseToFine(lambdas: readonly number[]): Steps<Tried[]> {
    const tried = new Map<number, Tried>();
    let rises = 0;
    let before: Tried | undefined;
    for (let i = 0; i < lambdas.length && rises < 2; i += 2) {
      const next = yield* this.#try(lambdas[i]!, before?.starts);
      tried.set(i, next);
      const risen = before !== undefined && next.candidate.logLoss > before.candidate.logLoss;
      rises = risen ? rises + 1 : 0;
      before = next;
    }
    const at = [...tried.keys()];
    const best = at[bestCandidate([...tried.values()].map((t) => t.candidate))]!;
    for (const i of [best - 1, best + 1]) {
      if (i < 0 || i >= lambdas.length || tried.has(i)) continue;
      tried.set(i, yield* this.#try(lambdas[i]!, tried.get(best)!.starts));
    }
    return [...tried.keys()].sort((a, b) => a - b).map((i) => tried.get(i)!);
  }

  *#try(lambda: number, starts: readonly Float64Array[] | undefined): Steps<Tried> {
    const { classCount, featureSize } = this.#set;
    const logits = new Float64Array(this.judged.labels.length * classCount);
    const ends: Float64Array[] = [];
    for (let fold = 0; fold < this.#folds; fold++) {
      const from = this.#foldStarts[fold]!;
      const to = this.#foldStarts[fold + 1]!;
      const start =
        starts?.[fold]?.slice() ?? new Float64Array(parameterCount(featureSize, classCount));
      const { objective, absent } = this.#objective(fold);
      yield* this.#minimise(objective, start, lambda, this.#tolerances.search);
      ends.push(start);
      const out = objective.logits(start, from, to);
      for (let i = from; i < to; i++) {
        const place = this.#place[this.#order[i]!]!;
        if (place === -1) continue;
        const row = out.subarray((i - from) * classCount, (i - from + 1) * classCount);
        if (absent.length > 0) lowerAbsent(row, absent);
        logits.set(row, place * classCount);
      }
    }
    const { judged, labels } = this.judged;
    const known = pickRows(logits, classCount, judged);
    const knownLabels = judged.map((i) => labels[i]!);
    // A strong penalty makes logits small; the temperature that is fitted later corrects that.
    const scale = macroScale(known, knownLabels, classCount);
    const scores = judgeLogits(
      known.map((z) => z * scale),
      knownLabels,
      classCount,
    );
    return {
      candidate: { lambda, transform: this.#options.transform, ...scores },
      logits,
      starts: ends,
    };
  }

  /**
   * The objective without the rows of a fold (null: with all rows), and the classes without a row.
   */
  #objective(fold: number | null): Part {
    const made = this.#parts.get(fold);
    if (made) return made;
    const { classCount, featureSize } = this.#set;
    const from = fold === null ? 0 : this.#foldStarts[fold]!;
    const to = fold === null ? 0 : this.#foldStarts[fold + 1]!;
    const rest = Int32Array.from([...this.#labels.subarray(0, from), ...this.#labels.subarray(to)]);
    const shares = [...this.#shares.subarray(0, from), ...this.#shares.subarray(to)];
    const balanced = classBalancedWeights(rest, classCount, Float64Array.from(shares));
    const weights = new Float64Array(this.#labels.length);
    weights.set(balanced.subarray(0, from));
    weights.set(balanced.subarray(from), to);
    const known = new Set(rest);
    const objective = new SoftmaxObjective({
      x: this.#data.x,
      labels: this.#labels,
      weights,
      rows: this.#labels.length,
      features: featureSize,
      classes: classCount,
    });
    const absent = Array.from({ length: classCount }, (_, c) => c).filter((c) => !known.has(c));
    this.#parts.set(fold, { objective, absent });
    return { objective, absent };
  }

  *#minimise(
    objective: SoftmaxObjective,
    start: Float64Array,
    lambda: number,
    tolerance: number,
  ): Steps<number> {
    const search = lbfgs(start, {
      isDone: (value, gradient) => {
        checkCancelled(this.#options.signal);
        return dot(gradient, gradient) / (2 * lambda) <= tolerance * value;
      },
      maxIterations: MAX_ITERATIONS,
    });
    let step = search.next();
    while (!step.done) step = search.next(yield { ...step.value, objective, lambda });
    return step.value.iterations;
  }

  /** The fit on all rows, folded back to the unscaled features. */
  *fitAll(best: Tried): Steps<{ weights: Float32Array; bias: Float32Array; iterations: number }> {
    const { classCount, featureSize: d } = this.#set;
    const { objective } = this.#objective(null);
    const parameters = best.starts[0]!.slice();
    const iterations = yield* this.#minimise(
      objective,
      parameters,
      best.candidate.lambda,
      this.#tolerances.final,
    );
    const { factor, mean } = this.#data;
    const weights = new Float32Array(classCount * d);
    const bias = new Float32Array(classCount);
    for (let c = 0; c < classCount; c++) {
      let shift = parameters[classCount * d + c]!;
      for (let j = 0; j < d; j++) {
        const weight = parameters[c * d + j]! * factor;
        weights[c * d + j] = weight;
        shift -= weight * mean[j]!;
      }
      bias[c] = shift;
    }
    return { weights, bias, iterations };
  }
}

/**
 * Sets absent classes to the least logit: the fold never saw them, so their biases mean nothing.
 */
function lowerAbsent(row: Float64Array, absent: readonly number[]): void {
  const seen = row.filter((_, c) => !absent.includes(c));
  const least = seen.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  for (const c of absent) row[c] = least;
}
