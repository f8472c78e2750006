import { cosine } from '../../base/cosine.js';
import { hammingDistance } from '../../base/hamming.js';
import type { SceneChange } from './belief-parameters.js';

/** The parts of a frame that show whether two images are of one scene. */
export interface Look {
  /** 16 hex digits. */
  dhash: string;
  features: Float32Array;
}

/** Difference between two images. */
export interface LookDifference {
  /** 1 - cosine of the features, 0..2; the reference where they cannot be compared. */
  distance: number;
  /** Differing bits of the hashes, 0..64. */
  bits: number;
}

/**
 * Log-odds of a change by the images alone: 0 at this difference, and their increase for each
 * e-fold of the distance and for each bit; nats. Chosen on the training parts of bench `belief`.
 */
const REFERENCE = { distance: 0.3, bits: 20 };
const PER_LOG_DISTANCE = 2;
const PER_BIT = 0.05;
/**
 * Floor of a distance: equal images have no logarithm, and smaller distances are camera noise.
 */
const LEAST_DISTANCE = 1e-4;

export function lookDifference(a: Look, b: Look): LookDifference {
  return {
    distance: cosineDistance(a.features, b.features),
    bits: hammingDistance(a.dhash, b.dhash),
  };
}

function cosineDistance(a: Float32Array, b: Float32Array): number {
  const distance = 1 - cosine(a, b);
  return Number.isFinite(distance) ? Math.max(0, distance) : REFERENCE.distance;
}

/** Log-odds, from two consecutive images alone, that the scene has changed between them; nats. */
export function imageLogOdds({ distance, bits }: LookDifference): number {
  return (
    PER_LOG_DISTANCE * (logDistance(distance) - logDistance(REFERENCE.distance)) +
    PER_BIT * (bits - REFERENCE.bits)
  );
}

/** Log-odds that a frame at this distance from a scene shows another one; nats. */
export function sceneLogOdds({ offset, perLogDistance }: SceneChange, distance: number): number {
  return offset + perLogDistance * logDistance(distance);
}

/** ln of a distance, >= ln {@link LEAST_DISTANCE}. */
export function logDistance(distance: number): number {
  return Math.log(Math.max(LEAST_DISTANCE, distance));
}
