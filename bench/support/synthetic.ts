import { createRandom } from '../../src/base/random.js';
import type { TrainingSet } from '../../src/head/training-set.js';

/**
 * Rectified features of low rank, as pooled features of a backbone are, with classes and groups
 * that shift them: `rows` x 1,280, ten classes, groups of twenty rows, no views.
 */
export function syntheticSet(rows: number): TrainingSet {
  const featureSize = 1280;
  const classCount = 10;
  const groupRows = 20;
  const random = createRandom(rows);
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const rank = 100;
  const basis = Float32Array.from({ length: rank * featureSize }, normal);
  const means = Float32Array.from({ length: classCount * rank }, () => 0.4 * normal());
  const features = new Float32Array(rows * featureSize);
  const groups = Int32Array.from({ length: rows }, (_, i) => Math.floor(i / groupRows));
  const labels = groups.map((group) => group % classCount);
  let shift = new Float32Array(rank);
  for (let i = 0; i < rows; i++) {
    if (i % groupRows === 0) shift = Float32Array.from({ length: rank }, () => 0.5 * normal());
    const row = features.subarray(i * featureSize, (i + 1) * featureSize);
    for (let k = 0; k < rank; k++) {
      const mean = means[(labels[i] as number) * rank + k] as number;
      const z = (mean + (shift[k] as number) + normal()) / Math.sqrt(1 + k);
      for (let j = 0; j < featureSize; j++) {
        row[j] = (row[j] as number) + z * (basis[k * featureSize + j] as number);
      }
    }
    for (let j = 0; j < featureSize; j++) {
      row[j] = Math.max(0, (row[j] as number) + 0.5 * normal());
    }
  }
  const isView = new Uint8Array(rows);
  return { features, rows, featureSize, labels, groups, isView, classCount };
}
