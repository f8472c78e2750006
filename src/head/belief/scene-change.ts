import { hammingDistance } from '../../base/hamming.js';
import { type BeliefParameters, REFERENCE } from './belief-parameters.js';

/** The parts of a frame that show whether two images are of one scene. */
export interface Look {
  /** 16 hex digits. */
  dhash: string;
  features: Float32Array;
}

/** Difference between two looks. */
export interface LookDifference {
  /** 1 - cosine of the features, 0..2; the reference where they cannot be compared. */
  distance: number;
  /** Differing bits of the hashes, 0..64. */
  bits: number;
}

/**
 * Floor of the distance: equal images have no logarithm, and smaller distances are camera noise.
 */
const LEAST_DISTANCE = 1e-4;

export function lookDifference(a: Look, b: Look): LookDifference {
  return {
    distance: cosineDistance(a.features, b.features),
    bits: hammingDistance(a.dhash, b.dhash),
  };
}

function cosineDistance(a: Float32Array, b: Float32Array): number {
  let product = 0;
  let aSquares = 0;
  let bSquares = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    product += x * y;
    aSquares += x * x;
    bSquares += y * y;
  }
  const distance = 1 - product / Math.sqrt(aSquares * bSquares);
  return Number.isFinite(distance) ? Math.max(0, distance) : REFERENCE.distance;
}

/** The terms of the log-odds of a change, in the order offset, distance, bits. */
export function changeTerms({ distance, bits }: LookDifference): [number, number, number] {
  return [
    1,
    Math.log(Math.max(LEAST_DISTANCE, distance) / REFERENCE.distance),
    bits - REFERENCE.bits,
  ];
}

/** Log-odds, from the images alone, that the scene has changed between two looks; nats. */
export function changeLogOdds(
  { offset, perLogDistance, perBit }: BeliefParameters['change'],
  difference: LookDifference,
): number {
  const [one, logDistance, bits] = changeTerms(difference);
  return offset * one + perLogDistance * logDistance + perBit * bits;
}
