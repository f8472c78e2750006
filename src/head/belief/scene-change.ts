import { hammingDistance } from '../../base/hamming.js';
import { type BeliefParameters, REFERENCE } from './belief-parameters.js';

/** What tells whether two pictures show one scene. */
export interface Look {
  /** 16 hex digits. */
  dhash: string;
  features: Float32Array;
}

/** How far two looks lie apart. */
export interface LookDifference {
  /** 1 - cosine of the features, 0..2; the reference where they cannot be compared. */
  distance: number;
  /** Of the hashes, 0..64. */
  bits: number;
}

/** Equal pictures have no logarithm; below this distances are noise of the camera. */
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

/** What the log-odds of a change are a sum of, in the order offset, distance, bits. */
export function changeTerms({ distance, bits }: LookDifference): [number, number, number] {
  return [
    1,
    Math.log(Math.max(LEAST_DISTANCE, distance) / REFERENCE.distance),
    bits - REFERENCE.bits,
  ];
}

/** Log-odds that the scene has changed between two looks, as far as their pictures tell; nats. */
export function changeLogOdds(
  { offset, perLogDistance, perBit }: BeliefParameters['change'],
  difference: LookDifference,
): number {
  const [one, logDistance, bits] = changeTerms(difference);
  return offset * one + perLogDistance * logDistance + perBit * bits;
}
