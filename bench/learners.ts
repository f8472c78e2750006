import { seededRandom } from '../src/head/random.js';
import { fitRidge } from '../src/head/ridge.js';
import { fitSoftmax } from '../src/head/softmax.js';
import type { TrainingSet } from '../src/head/train.js';

const FEATURES = 1280;
const CLASSES = 10;
const GROUP_ROWS = 20;

/** Rectified features of low rank with classes and groups that shift them, four views a sample. */
function syntheticSet(rows: number): TrainingSet {
  const random = seededRandom(rows);
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const rank = 100;
  const basis = Float32Array.from({ length: rank * FEATURES }, normal);
  const means = Float32Array.from({ length: CLASSES * rank }, () => 0.4 * normal());
  const features = new Float32Array(rows * FEATURES);
  const groups = Int32Array.from({ length: rows }, (_, i) => Math.floor(i / GROUP_ROWS));
  const labels = groups.map((group) => group % CLASSES);
  let shift = new Float32Array(rank);
  for (let i = 0; i < rows; i++) {
    if (i % GROUP_ROWS === 0) shift = Float32Array.from({ length: rank }, () => 0.5 * normal());
    const row = features.subarray(i * FEATURES, (i + 1) * FEATURES);
    for (let k = 0; k < rank; k++) {
      const z = (means[labels[i]! * rank + k]! + shift[k]! + normal()) / Math.sqrt(1 + k);
      for (let j = 0; j < FEATURES; j++) row[j] = row[j]! + z * basis[k * FEATURES + j]!;
    }
    for (let j = 0; j < FEATURES; j++) row[j] = Math.max(0, row[j]! + 0.5 * normal());
  }
  const isView = Uint8Array.from({ length: rows }, (_, i) => Number(i % 4 !== 0));
  return { features, rows, featureSize: FEATURES, labels, groups, isView, classCount: CLASSES };
}

/**
 * Times both learners, whole: nine λ, left-out predictions, final head. Wall seconds, and processor
 * seconds, which other work on the machine disturbs less.
 */
export async function run(sizes: readonly number[] = [500, 2000]): Promise<object> {
  const results = [];
  for (const rows of sizes) {
    const set = syntheticSet(rows);
    for (const [learner, fit] of [
      ['ridge', fitRidge],
      ['softmax', fitSoftmax],
    ] as const) {
      const started = performance.now();
      const before = process.cpuUsage();
      const { lambda } = fit(set, { transform: 'none' });
      results.push({
        learner,
        rows,
        features: FEATURES,
        classes: CLASSES,
        wall_s: (performance.now() - started) / 1e3,
        cpu_s: process.cpuUsage(before).user / 1e6,
        lambda,
      });
    }
  }
  return { bench: 'learners', results };
}
