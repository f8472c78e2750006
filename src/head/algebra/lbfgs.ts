/** A smooth function: returns its value at x and writes its gradient. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

export interface LbfgsOptions {
  /** Called before every step; true ends the search. */
  isDone: (value: number, gradient: Float64Array) => boolean;
  maxIterations: number;
  /** Pairs of steps and gradient changes kept. Default 10. */
  history?: number;
}

export interface LbfgsResult {
  value: number;
  iterations: number;
  evaluations: number;
  converged: boolean;
}

const SUFFICIENT_DECREASE = 1e-4;
const CURVATURE = 0.9;
const MAX_LINE_STEPS = 40;

interface Pair {
  step: Float64Array;
  change: Float64Array;
  rho: number;
}

/** A point whose value the search needs; the caller also writes the gradient there. */
export interface Evaluation {
  x: Float64Array;
  gradient: Float64Array;
}

/**
 * Minimises a convex function from `x`, in place, by limited-memory BFGS (Liu & Nocedal 1989) with
 * a line search that brackets the Wolfe conditions by doubling and bisection (Lewis & Overton 2013),
 * so that every pair kept has positive curvature.
 */
export function minimise(f: Objective, x: Float64Array, options: LbfgsOptions): LbfgsResult {
  const search = lbfgs(x, options);
  let step = search.next();
  while (!step.done) step = search.next(f(step.value.x, step.value.gradient));
  return step.value;
}

/**
 * {@link minimise} as a generator: it yields points and receives their values, however the caller
 * computes them.
 */
export function* lbfgs(
  x: Float64Array,
  options: LbfgsOptions,
): Generator<Evaluation, LbfgsResult, number> {
  const { isDone, maxIterations, history = 10 } = options;
  const n = x.length;
  let gradient = new Float64Array(n);
  let value = yield { x, gradient };
  let evaluations = 1;
  const pairs: Pair[] = [];
  const trial = { x: new Float64Array(n), gradient: new Float64Array(n) };
  for (let iteration = 0; ; iteration++) {
    if (isDone(value, gradient)) {
      return { value, iterations: iteration, evaluations, converged: true };
    }
    if (iteration === maxIterations) {
      return { value, iterations: iteration, evaluations, converged: false };
    }
    const direction = quasiNewton(gradient, pairs);
    let slope = -dot(gradient, direction);
    if (!(slope < 0)) {
      pairs.length = 0;
      direction.set(gradient);
      slope = -dot(gradient, gradient);
    }
    const found = yield* lineSearch(x, value, slope, direction, trial);
    evaluations += found.evaluations;
    if (found.value === null) {
      return { value, iterations: iteration, evaluations, converged: true };
    }
    value = found.value;
    remember(pairs, history, x, trial.x, gradient, trial.gradient);
    x.set(trial.x);
    [gradient, trial.gradient] = [trial.gradient, gradient];
  }
}

/**
 * Searches for a step along -`direction` that fulfils the Wolfe conditions; `trial` receives its
 * end.
 * @param value at `x`. @param slope of the function along -`direction` at `x`, < 0.
 * @returns The value at `trial`; null when rounding hides any further decrease.
 */
function* lineSearch(
  x: Float64Array,
  value: number,
  slope: number,
  direction: Float64Array,
  trial: Evaluation,
): Generator<Evaluation, { value: number | null; evaluations: number }, number> {
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  let step = 1;
  for (let evaluations = 1; evaluations <= MAX_LINE_STEPS; evaluations++) {
    for (let i = 0; i < x.length; i++) trial.x[i] = x[i]! - step * direction[i]!;
    const next = yield trial;
    if (!(next <= value + SUFFICIENT_DECREASE * step * slope)) high = step;
    else if (-dot(trial.gradient, direction) < CURVATURE * slope) low = step;
    else return { value: next, evaluations };
    step = high === Number.POSITIVE_INFINITY ? 2 * step : (low + high) / 2;
  }
  return { value: null, evaluations: MAX_LINE_STEPS };
}

function remember(
  pairs: Pair[],
  history: number,
  x: Float64Array,
  nextX: Float64Array,
  gradient: Float64Array,
  nextGradient: Float64Array,
): void {
  const reused = pairs.length === history ? pairs.shift() : undefined;
  const step = reused?.step ?? new Float64Array(x.length);
  const change = reused?.change ?? new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    step[i] = nextX[i]! - x[i]!;
    change[i] = nextGradient[i]! - gradient[i]!;
  }
  const curvature = dot(step, change);
  if (curvature > 0) pairs.push({ step, change, rho: 1 / curvature });
}

/** The two-loop recursion: an approximate inverse Hessian times the gradient. */
function quasiNewton(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const q = gradient.slice();
  const factors = new Float64Array(pairs.length);
  for (let p = pairs.length - 1; p >= 0; p--) {
    const { step, change, rho } = pairs[p]!;
    factors[p] = rho * dot(step, q);
    addScaled(q, change, -factors[p]!);
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.rho * dot(last.change, last.change));
    for (let i = 0; i < q.length; i++) q[i] = q[i]! * scale;
  }
  for (let p = 0; p < pairs.length; p++) {
    const { step, change, rho } = pairs[p]!;
    addScaled(q, step, factors[p]! - rho * dot(change, q));
  }
  return q;
}

export function dot(a: Float64Array, b: Float64Array): number {
  // Four sums side by side, because one sum would wait for each addition.
  const whole = a.length - (a.length % 4);
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let i = 0; i < whole; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  for (let i = whole; i < a.length; i++) s0 += a[i]! * b[i]!;
  return s0 + s1 + (s2 + s3);
}

function addScaled(target: Float64Array, x: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] = target[i]! + factor * x[i]!;
}
