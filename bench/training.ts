import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dot, lbfgs } from '../src/head/algebra/lbfgs.js';
import { fitRidge } from '../src/head/learners/ridge.js';
import {
  parameterCount,
  type SoftmaxData,
  SoftmaxObjective,
} from '../src/head/learners/softmax-objective.js';
import { standardise } from '../src/head/learners/standardise.js';
import { classBalancedWeights, sharesOf, type TrainingSet } from '../src/head/training-set.js';
import { OnnxFitEngine } from '../src/training/fit/fit-engine.js';
import { calibrated } from '../src/training/fit/recipes.js';
import { projectWith } from '../src/training/fit/search.js';
import { runPeer } from './support/python.js';
import { syntheticSet } from './support/synthetic.js';

const SIZES = [500, 2000, 5000];
const LAMBDA = 0.01;
const REPEATS = 3;
/** The softmax is as good as its minimum to so many digits, by its own stopping rule. */
const TOLERANCE = 1e-6;

interface PeerTimes {
  scipy_objective: number;
  scipy_to_5_digits_s: number;
  scipy_default_s: number;
  scipy_float32_to_5_digits_s: number;
  sklearn_fit_s: number;
  torch_adam_s: number;
}

/**
 * Processor seconds (the least of three; other work disturbs them less than wall time) on one
 * thread each, over cached features (d = 1,280, ten classes):
 * our refit with nine λ, exact leave-group-out and calibration; our softmax at one λ; and in the
 * same run scipy's L-BFGS on the same objective, scikit-learn's single fit, PyTorch's Adam; last, one
 * label learnt by a rank-1 step.
 * Options: sizes, by default 500 2000 5000.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const sizes = options.filter((o) => /^\d+$/.test(o)).map(Number);
  const figures: Record<string, unknown> = {};
  const engine = await OnnxFitEngine.create(1);
  for (const rows of sizes.length > 0 ? sizes : SIZES) {
    const set = syntheticSet(rows);
    const data = dataOf(set);
    const refit = await least(async () => {
      const { set: reduced, lift } = await projectWith(engine, set, 'none');
      calibrated(set, 'ridge', lift(fitRidge(reduced, { transform: 'none' })));
    });
    let objective = 0;
    const softmax = await least(async () => {
      objective = await minimum(data, async (x, g) => engine.evaluate(data, x, LAMBDA, g));
    });
    const whole = await least(() => {
      calibrated(set, 'ridge', fitRidge(set, { transform: 'none' }));
    }, 1);
    const reference = new SoftmaxObjective(data);
    const plain = await least(async () => {
      await minimum(data, (x, g) => reference.evaluate(x, LAMBDA, g));
    }, 1);
    const peer = await peers(set, data);
    const at = (name: string, value: number) => {
      figures[`n${rows}_${name}`] = Number(value.toPrecision(4));
    };
    at('refit_s', refit);
    at('refit_all_directions_s', whole);
    at('softmax_s', softmax);
    at('softmax_typed_arrays_s', plain);
    for (const [name, value] of Object.entries(peer)) at(name, value);
    figures[`n${rows}_objective`] = objective;
    at('objective_above_scipy', objective / peer.scipy_objective - 1);
    at('softmax_over_scipy', softmax / peer.scipy_to_5_digits_s);
    at('refit_over_sklearn', refit / peer.sklearn_fit_s);
  }
  await engine.close();
  return figures;
}

function dataOf(set: TrainingSet): SoftmaxData {
  const order = Int32Array.from({ length: set.rows }, (_, i) => i);
  const weights = classBalancedWeights(set.labels, set.classCount, sharesOf(set));
  const { x } = standardise(set, order, weights, 'none');
  const { rows, featureSize: features, classCount: classes, labels } = set;
  return { x, labels, weights, rows, features, classes };
}

async function minimum(
  data: SoftmaxData,
  evaluate: (x: Float64Array, gradient: Float64Array) => number | Promise<number>,
): Promise<number> {
  const start = new Float64Array(parameterCount(data.features, data.classes));
  const search = lbfgs(start, {
    isDone: (value, gradient) => dot(gradient, gradient) / (2 * LAMBDA) <= TOLERANCE * value,
    maxIterations: 500,
  });
  let step = search.next();
  while (!step.done) step = search.next(await evaluate(step.value.x, step.value.gradient));
  return step.value.value;
}

async function least(work: () => void | Promise<void>, repeats = REPEATS): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < repeats; i++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return best;
}

async function peers(set: TrainingSet, data: SoftmaxData): Promise<PeerTimes> {
  const folder = mkdtempSync(join(tmpdir(), 'headland-bench-'));
  try {
    writeFileSync(join(folder, 'raw.f32'), set.features);
    writeFileSync(join(folder, 'scaled.f32'), data.x);
    return await runPeer<PeerTimes>('training.py', {
      folder,
      rows: set.rows,
      features: set.featureSize,
      classes: set.classCount,
      labels: [...set.labels],
      lambda: LAMBDA,
      repeats: REPEATS,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
