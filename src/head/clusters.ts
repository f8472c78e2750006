import { cosine, NEAR_DUPLICATE_COSINE } from '../base/cosine.js';
import { listIn } from '../base/values/list-in.js';

/**
 * Most clusters of a class and group that a row is compared with, the newest: near-duplicates follow
 * each other, and an import may put thousands of samples into one group.
 */
const COMPARED_CLUSTERS = 256;

/**
 * Finds near-duplicates: rows of the same group and label whose embedding has a cosine of at least
 * {@link NEAR_DUPLICATE_COSINE} to the first row of a cluster join it; the others begin one.
 *
 * @param features n x featureSize, row-major, untransformed
 * @param labels class of each row, by name or index
 * @param groups group of each row, by name or index
 * @returns by row, the index of the first row of its cluster; its own index where it is alone
 */
export function clusterNearDuplicates(
  features: Float32Array,
  featureSize: number,
  labels: ArrayLike<string | number>,
  groups: ArrayLike<string | number>,
): Int32Array {
  const vector = (row: number): Float32Array =>
    features.subarray(row * featureSize, (row + 1) * featureSize);
  const firsts = new Map<string, number[]>();
  const clusters = new Int32Array(labels.length);
  for (let row = 0; row < labels.length; row++) {
    const key = JSON.stringify([groups[row], labels[row]]);
    const known = listIn(firsts, key);
    const own = vector(row);
    const cluster = known.find((first) => cosine(vector(first), own) >= NEAR_DUPLICATE_COSINE);
    clusters[row] = cluster ?? row;
    if (cluster !== undefined) continue;
    known.push(row);
    if (known.length > COMPARED_CLUSTERS) known.shift();
  }
  return clusters;
}
