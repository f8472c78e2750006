import { createRandom } from '../../src/base/random.js';
import { headProbabilities } from '../../src/head/score.js';
import type { TrainingSet } from '../../src/head/training-set.js';
import { fitSetProbability, predictionSet } from '../../src/head/unknown/conformal.js';
import { fitRecipe } from '../../src/training/fit/recipes.js';

const CLASSES = 4;
const FEATURES = 16;
const FRESH_SAMPLES = 400;

export interface SimulatedWorld {
  /** Samples of the training set. */
  samples: number;
  perGroup: number;
  /** How far groups of a class lie apart, in units of the spread within a group. */
  groupEffect: number;
}

export interface SimulatedCoverage {
  /** Mean over training sets of the share of fresh samples whose set holds the true label. */
  coverage: number;
  /** Standard deviation of it between training sets. */
  deviation: number;
  leastCoverage: number;
  setSize: number;
}

/**
 * How often prediction sets of 90 % hold the truth on fresh groups of the same world: Gaussian
 * classes, whole groups learnt or fresh, one ridge head each from `repeats` training sets.
 */
export function simulateCoverage(world: SimulatedWorld, repeats: number): SimulatedCoverage {
  const coverages: number[] = [];
  let size = 0;
  for (let seed = 1; seed <= repeats; seed++) {
    const { training, fresh } = draw(world, 1_000 * seed + world.samples);
    const recipe = fitRecipe(training, 'ridge', 'none');
    const bound = fitSetProbability(
      recipe.leaveGroupOutProbabilities,
      training.labels,
      CLASSES,
      0.9,
    );
    const { weights, bias, transform } = recipe.fit;
    const probabilities = headProbabilities(
      {
        featureSize: FEATURES,
        transform,
        weights,
        bias,
        temperature: recipe.temperature,
      },
      fresh.features,
    );
    let covered = 0;
    for (const [i, label] of fresh.labels.entries()) {
      const own = probabilities.subarray(i * CLASSES, (i + 1) * CLASSES);
      const answer = predictionSet(own, bound);
      covered += Number(answer.includes(label)) / fresh.rows;
      size += answer.length / fresh.rows / repeats;
    }
    coverages.push(covered);
  }
  const mean = coverages.reduce((sum, x) => sum + x, 0) / repeats;
  const variance = coverages.reduce((sum, x) => sum + (x - mean) ** 2, 0) / repeats;
  return {
    coverage: mean,
    deviation: Math.sqrt(variance),
    leastCoverage: Math.min(...coverages),
    setSize: size,
  };
}

function draw(world: SimulatedWorld, seed: number): { training: TrainingSet; fresh: TrainingSet } {
  const random = createRandom(seed);
  const normals = (scale: number) =>
    Float64Array.from(
      { length: FEATURES },
      () =>
        scale * Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next()),
    );
  const means = Array.from({ length: CLASSES }, () => normals(1.1));
  const part = (samples: number, firstGroup: number): TrainingSet => {
    const perClass = Math.max(2, Math.round(samples / CLASSES / world.perGroup));
    const features: number[] = [];
    const labels: number[] = [];
    const groups: number[] = [];
    for (const [label, mean] of means.entries()) {
      for (let g = 0; g < perClass; g++) {
        const shift = normals(world.groupEffect);
        for (let i = 0; i < world.perGroup; i++) {
          features.push(...normals(1).map((x, j) => x + mean[j]! + shift[j]!));
          labels.push(label);
          groups.push(firstGroup + label * perClass + g);
        }
      }
    }
    return {
      features: Float32Array.from(features),
      rows: labels.length,
      featureSize: FEATURES,
      classCount: CLASSES,
      labels: Int32Array.from(labels),
      groups: Int32Array.from(groups),
      isView: new Uint8Array(labels.length),
    };
  };
  return { training: part(world.samples, 0), fresh: part(FRESH_SAMPLES, 100_000) };
}
