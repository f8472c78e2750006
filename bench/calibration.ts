import { classificationMetrics } from '../src/head/metrics.js';
import { headLogits, softmaxRows } from '../src/head/score.js';
import { fitSetProbability, predictionSet } from '../src/head/unknown/conformal.js';
import { OnnxFitEngine } from '../src/training/fit/fit-engine.js';
import type { FitEngine } from '../src/training/fit/search.js';
import { groceryPhotos } from './support/grocery.js';
import { groceryFeatures } from './support/photo-features.js';
import {
  BACKBONES,
  fitHead,
  groceryData,
  meansByName,
  officialSplit,
  type Protocol,
  prefixed,
  round,
  rowsOf,
  sameShop,
  trainingSet,
} from './support/protocols.js';
import { simulateCoverage } from './support/simulated-coverage.js';

const SEEDS = [1, 2];
const COVERAGE = 0.9;
const LEARNERS = ['ridge', 'blend'] as const;

interface Answers {
  /** n x classCount, row-major. */
  logits: Float64Array;
  labels: Int32Array;
  classCount: number;
}

/** Turns logits into probabilities; fitted on leave-group-out logits, judged on the holdout. */
type Calibrator = (fitted: Answers) => (logits: Float64Array) => Float64Array;

/**
 * Calibration on holdout groups that no head has seen: one temperature (what headland does), one and
 * an offset per class, and isotonic regression of the largest probability; coverage of the 90 % sets.
 * Of ridge and of the blend. Before that, coverage on fresh samples of simulated worlds, by how many
 * samples were learnt. Options: names of backbones.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const grocery = groceryPhotos();
  if (!grocery)
    return { skipped: 'the grocery photos are not beside the checkout (HEADLAND_SHARED)' };
  const figures: Record<string, unknown> = simulatedFigures();
  const engine = await OnnxFitEngine.create(1);
  for (const backbone of BACKBONES) {
    if (BACKBONES.some((name) => options.includes(name)) && !options.includes(backbone)) continue;
    const data = groceryData(grocery.photos, await groceryFeatures(backbone, grocery));
    const protocols = [
      officialSplit(grocery.photos, data),
      ...SEEDS.map((seed) => sameShop(data, seed)),
    ];
    for (const learner of LEARNERS) {
      const results: { name: string; figures: Record<string, number> }[] = [];
      for (const protocol of protocols) {
        results.push({ name: protocol.name, figures: await measure(engine, protocol, learner) });
      }
      Object.assign(figures, prefixed(`${backbone} ${learner}`, meansByName(results)));
    }
  }
  await engine.close();
  return figures;
}

/** Coverage where samples are exchangeable, without and with likeness inside groups. */
function simulatedFigures(): Record<string, number> {
  const worlds = [
    { perGroup: 1, groupEffect: 0 },
    { perGroup: 5, groupEffect: 0.5 },
  ];
  const figures: Record<string, number> = {};
  for (const world of worlds) {
    for (const samples of [30, 60, 200, 1000]) {
      const found = simulateCoverage({ samples, ...world }, samples > 500 ? 20 : 80);
      for (const [key, value] of Object.entries(found)) {
        figures[`simulated groups of ${world.perGroup}, ${samples} samples ${key}`] = round(value);
      }
    }
  }
  return figures;
}

async function measure(
  engine: FitEngine,
  { data, training, holdout }: Protocol,
  learner: (typeof LEARNERS)[number],
): Promise<Record<string, number>> {
  const set = trainingSet(data, training);
  const { classCount } = set;
  const { recipe, head } = await fitHead(engine, set, learner);
  const fitted = { logits: recipe.fit.leaveGroupOutLogits, labels: set.labels, classCount };
  const logits = headLogits(head, rowsOf(data, holdout));
  const truth = Int32Array.from(holdout, (row) => data.labels[row]!);
  const temperature: Calibrator = () => (z) => softmaxOf(z, classCount, 1 / head.temperature);
  const calibrators: Record<string, Calibrator> = {
    none: () => (z) => softmaxOf(z, classCount, 1),
    temperature,
    offsets: scaleAndOffsets,
    isotonic: (answers) => isotonic(answers, temperature(answers)),
  };
  const values: Record<string, number> = { holdout_photos: holdout.length };
  for (const [name, calibrator] of Object.entries(calibrators)) {
    const metrics = classificationMetrics(calibrator(fitted)(logits), truth, classCount);
    values[`ece_${name}`] = metrics.ece;
    values[`log_loss_${name}`] = metrics.logLoss;
    if (name === 'temperature') {
      values.accuracy = metrics.accuracy;
      values.confidence = meanOfLargest(calibrator(fitted)(logits), classCount);
    }
  }
  const left = softmaxOf(fitted.logits, classCount, 1 / head.temperature);
  const leftOut = classificationMetrics(left, set.labels, classCount);
  values.leave_group_out_accuracy = leftOut.accuracy;
  values.leave_group_out_ece = leftOut.ece;
  const bound = fitSetProbability(left, set.labels, classCount, COVERAGE);
  const probabilities = softmaxOf(logits, classCount, 1 / head.temperature);
  let covered = 0;
  let size = 0;
  for (let i = 0; i < holdout.length; i++) {
    const own = probabilities.subarray(i * classCount, (i + 1) * classCount);
    const answer = predictionSet(own, bound);
    covered += Number(answer.includes(truth[i]!));
    size += answer.length;
  }
  values.set_coverage = covered / holdout.length;
  values.set_size = size / holdout.length;
  return values;
}

function softmaxOf(logits: Float64Array, classCount: number, scale: number): Float64Array {
  const probabilities = logits.slice();
  softmaxRows(probabilities, classCount, scale);
  return probabilities;
}

function meanOfLargest(probabilities: Float64Array, classCount: number): number {
  let sum = 0;
  for (let from = 0; from < probabilities.length; from += classCount) {
    sum += Math.max(...probabilities.subarray(from, from + classCount));
  }
  return (sum * classCount) / probabilities.length;
}

/** softmax(a z + b_k) by gradient descent on the mean log-loss plus 0.01 |b|². */
function scaleAndOffsets({ logits, labels, classCount }: Answers) {
  const offsets = new Float64Array(classCount);
  let scale = 1;
  const probabilitiesOf = (z: Float64Array) => {
    const shifted = z.map((value, i) => scale * value + offsets[i % classCount]!);
    softmaxRows(shifted, classCount);
    return shifted;
  };
  for (let step = 0; step < 2_000; step++) {
    const p = probabilitiesOf(logits);
    const slope = offsets.map((b) => 0.02 * b);
    let scaleSlope = 0;
    for (let i = 0; i < p.length; i++) {
      const own = labels[Math.floor(i / classCount)] === i % classCount ? 1 : 0;
      const error = (p[i]! - own) / labels.length;
      slope[i % classCount] = slope[i % classCount]! + error;
      scaleSlope += error * logits[i]!;
    }
    for (let c = 0; c < classCount; c++) offsets[c] = offsets[c]! - 0.5 * slope[c]!;
    scale = Math.max(0.01, scale - 0.02 * scaleSlope);
  }
  return probabilitiesOf;
}

/** Moves the largest probability to its isotonic regression on being right; shares out the rest. */
function isotonic(
  { logits, labels, classCount }: Answers,
  base: (z: Float64Array) => Float64Array,
) {
  const largestOf = (p: Float64Array, from: number) => {
    const own = p.subarray(from, from + classCount);
    const value = Math.max(...own);
    return { value, index: own.indexOf(value) };
  };
  const fitted = base(logits);
  const points = Array.from(labels, (label, i) => {
    const { value, index } = largestOf(fitted, i * classCount);
    return { value, right: Number(index === label) };
  }).sort((a, b) => a.value - b.value);
  // Pool adjacent violators.
  const blocks: { upTo: number; sum: number; count: number }[] = [];
  for (const { value, right } of points) {
    blocks.push({ upTo: value, sum: right, count: 1 });
    for (;;) {
      const [before, last] = [blocks.at(-2), blocks.at(-1)!];
      if (!before || before.sum / before.count < last.sum / last.count) break;
      blocks.splice(-2, 2, {
        upTo: last.upTo,
        sum: before.sum + last.sum,
        count: before.count + last.count,
      });
    }
  }
  return (z: Float64Array) => {
    const p = base(z);
    for (let from = 0; from < p.length; from += classCount) {
      const { value, index } = largestOf(p, from);
      const block = blocks.find(({ upTo }) => value <= upTo) ?? blocks.at(-1)!;
      const moved = Math.min(1 - 1e-6, Math.max(1 / classCount, block.sum / block.count));
      const factor = (1 - moved) / Math.max(1e-12, 1 - value);
      for (let c = 0; c < classCount; c++) p[from + c] = p[from + c]! * factor;
      p[from + index] = moved;
    }
    return p;
  };
}
