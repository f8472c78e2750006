import { createRandom, seedFrom } from '../../src/base/random.js';
import type { StandInData } from './stand-in.js';

/** Features around a centre of each label, with a shift of the place. */
export function placeData(
  place: string,
  labels: readonly string[],
  each: number,
  featureSize: number,
  noise = 0.3,
): StandInData {
  const random = createRandom(seedFrom('place', place));
  const shift = Float64Array.from({ length: featureSize }, () => 0.1 * normal(random));
  const features: number[] = [];
  const given: string[] = [];
  for (const label of labels) {
    const own = createRandom(seedFrom('label', label));
    const centre = Float64Array.from({ length: featureSize }, () => normal(own));
    for (let i = 0; i < each; i++) {
      for (let j = 0; j < featureSize; j++) {
        features.push(centre[j]! + shift[j]! + noise * normal(random));
      }
      given.push(label);
    }
  }
  return { features: Float32Array.from(features), labels: given };
}

function normal(random: { next(): number }): number {
  const u = Math.max(1e-12, random.next());
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * random.next());
}
