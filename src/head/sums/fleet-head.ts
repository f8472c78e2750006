import type { Head } from '../head.js';
import { type Basis, lift, SUMS_TRANSFORM } from './basis.js';
import type { ClassSums } from './class-sums.js';
import { gaussiansFromSums, noveltyModel } from './gaussian-sums.js';
import { ridgeFromSums } from './ridge-sums.js';

export interface FleetHeadOptions {
  backboneChecksum: string;
  basis: Basis;
  /** In units of the mean diagonal of the Gram matrix. */
  lambda: number;
  /** Factor from ridge outputs to logits; > 0. */
  scale: number;
  /** See `ridgeFromSums`. */
  variance?: number;
  /** Of novelty scores by heads without the robot of each sample. */
  novelty: readonly number[];
}

/** The head of a fleet from the sums of its robots. @throws HL_TRAINING_SET_INVALID with one class */
export function headFromSums(
  classes: readonly { label: string; sums: ClassSums }[],
  { backboneChecksum, basis, lambda, scale, variance = 0, novelty }: FleetHeadOptions,
): Head {
  const { labels, weights, bias } = ridgeFromSums(classes, { lambdas: [lambda], variance });
  return {
    learner: 'ridge',
    labels,
    featureSize: basis.featureSize,
    backboneChecksum,
    transform: SUMS_TRANSFORM,
    weights: Float32Array.from(lift(basis, weights[0]!), (value) => scale * value),
    bias: Float32Array.from(bias[0]!, (value) => scale * value),
    temperature: 1,
    novelty: noveltyModel(gaussiansFromSums(classes), basis, novelty),
  };
}
