import { createRandom } from '../../base/random.js';
import { transformFeatures } from '../transform.js';

/** Numbers of a sketch. */
const DIMENSIONS = 64;
const SEED = 1;

/**
 * Short stand-ins for embeddings: random projections of their roots at unit length, whose squared distances
 * are those of the embeddings within about 18 % (standard deviation: sqrt(2 / 64)). Thousands of them fit into
 * memory and are compared in milliseconds. (Achlioptas 2003, Database-friendly random projections.)
 */
export class Sketcher {
  /** {@link DIMENSIONS} x featureSize of -1 and 1. */
  readonly #signs: Int8Array;

  constructor(readonly featureSize: number) {
    const random = createRandom(SEED);
    this.#signs = Int8Array.from({ length: DIMENSIONS * featureSize }, () =>
      random.next() < 0.5 ? -1 : 1,
    );
  }

  /** @param features of one image, untransformed; `featureSize` numbers */
  sketch(features: Float32Array): Float32Array {
    const d = this.featureSize;
    const z = transformFeatures(features, d, 'sqrt-l2');
    const signs = this.#signs;
    const sketch = new Float32Array(DIMENSIONS);
    for (let k = 0; k < DIMENSIONS; k++) {
      let sum = 0;
      for (let j = 0; j < d; j++) sum += signs[k * d + j]! * z[j]!;
      sketch[k] = sum / Math.sqrt(DIMENSIONS);
    }
    return sketch;
  }
}

/** Squared Euclidean distance of two sketches, about 0..2 for rectified features. */
export function sketchDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) {
    const difference = a[k]! - b[k]!;
    sum += difference * difference;
  }
  return sum;
}
