import { createRandom, type Random } from '../src/base/random.js';
import { type GroupAnswers, shareInterval } from '../src/head/intervals/share-interval.js';
import { type Interval, wilsonInterval } from '../src/head/intervals/wilson.js';

const ROUNDS = 300;
const DRAWS = 400;
const WORLDS = [6, 10, 20, 40].flatMap((groups) =>
  [1, 3, 6].flatMap((size) =>
    (size === 1 ? [0] : [0, 0.2, 0.5]).flatMap((correlation) =>
      [0.7, 0.9, 0.97, 0.99].map((share) => ({ groups, size, correlation, share })),
    ),
  ),
);
const METHODS: Record<string, (groups: readonly GroupAnswers[], random: Random) => Interval> = {
  headland: (groups) => shareInterval(groups),
  wilson_without_groups: (groups) => {
    const { answers, right } = sums(groups);
    return wilsonInterval(right / answers, answers);
  },
  bootstrap_of_groups: bootstrap,
};

/**
 * How often 95 % intervals of an accuracy contain the true one, in simulated worlds: groups of 1 to
 * 11 answers, right with a probability that is drawn for each group (beta distribution with the
 * given correlation within a group).
 */
export async function run(): Promise<Record<string, unknown>> {
  const random = createRandom(7);
  const cells = WORLDS.map((world) => {
    const found = Object.fromEntries(
      Object.keys(METHODS).map((name) => [name, { covered: 0, width: 0 }]),
    );
    for (let round = 0; round < ROUNDS; round++) {
      const groups = drawWorld(random, world);
      for (const [name, method] of Object.entries(METHODS)) {
        const { lower, upper } = method(groups, random);
        const of = found[name]!;
        if (lower <= world.share && world.share <= upper) of.covered += 1 / ROUNDS;
        of.width += (upper - lower) / ROUNDS;
      }
    }
    return { ...world, found };
  });
  const figures: Record<string, unknown> = { worlds: cells.length, rounds: ROUNDS };
  for (const name of Object.keys(METHODS)) {
    const covered = cells.map(({ found }) => found[name]!.covered);
    figures[`${name}_coverage`] = round(mean(covered));
    figures[`${name}_worst_coverage`] = round(Math.min(...covered));
    figures[`${name}_worlds_below_90`] = covered.filter((share) => share < 0.9).length;
    figures[`${name}_width`] = round(mean(cells.map(({ found }) => found[name]!.width)));
  }
  return { ...figures, cells };
}

type World = (typeof WORLDS)[number];

function drawWorld(random: Random, { groups, size, correlation, share }: World): GroupAnswers[] {
  return Array.from({ length: groups }, () => {
    const answers = 1 + random.int(2 * size - 1);
    const own = correlation === 0 ? share : beta(random, share, correlation);
    let right = 0;
    for (let i = 0; i < answers; i++) if (random.next() < own) right++;
    return { answers, right };
  });
}

function bootstrap(groups: readonly GroupAnswers[], random: Random): Interval {
  const shares = Array.from({ length: DRAWS }, () => {
    const drawn = groups.map(() => groups[random.int(groups.length)]!);
    const { answers, right } = sums(drawn);
    return right / answers;
  }).sort((a, b) => a - b);
  const at = (share: number): number => shares[Math.round(share * (DRAWS - 1))]!;
  return { lower: at(0.025), upper: at(0.975) };
}

function beta(random: Random, mean: number, correlation: number): number {
  const size = (1 - correlation) / correlation;
  const [a, b] = [gamma(random, mean * size), gamma(random, (1 - mean) * size)];
  return a / (a + b);
}

/** Marsaglia & Tsang, A simple method for generating gamma variables, 2000. */
function gamma(random: Random, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * random.next() ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const x = normal(random);
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random.next()) < x ** 2 / 2 + d * (1 - v + Math.log(v))) return d * v;
  }
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

function sums(groups: readonly GroupAnswers[]): GroupAnswers {
  return groups.reduce(
    (sum, { answers, right }) => ({ answers: sum.answers + answers, right: sum.right + right }),
    { answers: 0, right: 0 },
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

function round(value: number): number {
  return Math.round(1_000 * value) / 1_000;
}
