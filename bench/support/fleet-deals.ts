import { createRandom, type Random } from '../../src/base/random.js';

/** What is dealt to robots. */
export interface Dealt {
  /** Of every row. */
  labels: readonly string[];
  /** Rows that robots may have. */
  train: readonly number[];
  /** Where each row was taken, for so many robots. */
  places(robots: number): readonly string[];
}

type Deal = (dealt: Dealt, robots: number, random: Random) => number[][];

/** Training rows by robot. */
export const DEALS: Readonly<Record<string, Deal>> = {
  random: dealRandomly,
  class: dealByClass,
  place: dealByPlace,
};

const MEANS_ROUNDS = 20;
const MEANS_SEED = 3;

/** Each row to any robot; all have as many. */
function dealRandomly({ train }: Dealt, robots: number, random: Random): number[][] {
  const rows = shuffled(train, random);
  return Array.from({ length: robots }, (_, robot) =>
    rows.filter((_row, i) => i % robots === robot),
  );
}

/** Two classes a robot; robots with the same class share its rows, and a class is never without one. */
function dealByClass({ train, labels }: Dealt, robots: number, random: Random): number[][] {
  const names = shuffled([...new Set(train.map((row) => labels[row]!))].sort(), random);
  const parts = Array.from({ length: robots }, (): number[] => []);
  for (const [c, name] of names.entries()) {
    const owners = parts.filter((_, robot) =>
      [2 * robot, 2 * robot + 1].some((slot) => slot % names.length === c),
    );
    const rows = shuffled(
      train.filter((row) => labels[row] === name),
      random,
    );
    const takers = owners.length > 0 ? owners : [parts[c % robots]!];
    for (const [i, row] of rows.entries()) takers[i % takers.length]!.push(row);
  }
  return parts;
}

/** Whole places to a robot. */
function dealByPlace(dealt: Dealt, robots: number, random: Random): number[][] {
  const places = dealt.places(robots);
  const names = shuffled([...new Set(dealt.train.map((row) => places[row]!))].sort(), random);
  const robotOf = new Map(names.map((name, i) => [name, i % robots]));
  const parts = Array.from({ length: robots }, (): number[] => []);
  for (const row of dealt.train) parts[robotOf.get(places[row]!)!]!.push(row);
  return parts;
}

/**
 * Places for photos that have none: as many clusters (k-means) of features without the mean of their class,
 * so that a place is a look, not a class.
 */
export function placesByLikeness(
  {
    labels,
    train,
    unit,
    featureSize: d,
  }: Pick<Dealt, 'labels' | 'train'> & { unit: Float32Array; featureSize: number },
  count: number,
): string[] {
  const rest = withoutClassMeans(labels, train, unit, d);
  const random = createRandom(MEANS_SEED);
  let centres: Float64Array[] = shuffled(train, random)
    .slice(0, count)
    .map((row) => rest.slice(row * d, (row + 1) * d));
  const place = new Map<number, number>();
  for (let round = 0; round < MEANS_ROUNDS; round++) {
    for (const row of train) place.set(row, nearest(centres, rest, row * d));
    centres = centres.map((centre, i) => {
      const rows = train.filter((row) => place.get(row) === i);
      return rows.length === 0 ? centre : meanOf(rest, rows, d);
    });
  }
  return labels.map((_, row) => String(place.get(row) ?? 'none'));
}

function withoutClassMeans(
  labels: readonly string[],
  train: readonly number[],
  unit: Float32Array,
  d: number,
): Float64Array {
  const rest = Float64Array.from(unit);
  for (const label of new Set(labels)) {
    const rows = train.filter((row) => labels[row] === label);
    const mean = meanOf(rest, rows, d);
    for (const row of rows) for (let j = 0; j < d; j++) rest[row * d + j]! -= mean[j]!;
  }
  return rest;
}

function meanOf(values: Float64Array, rows: readonly number[], d: number): Float64Array {
  const mean = new Float64Array(d);
  for (const row of rows) {
    for (let j = 0; j < d; j++) mean[j]! += values[row * d + j]! / rows.length;
  }
  return mean;
}

function nearest(centres: readonly Float64Array[], values: Float64Array, from: number): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [i, centre] of centres.entries()) {
    let distance = 0;
    for (let j = 0; j < centre.length && distance < least; j++) {
      distance += (values[from + j]! - centre[j]!) ** 2;
    }
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  const out = [...values];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}
