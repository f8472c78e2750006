import { createRandom, seedFrom, shuffled } from '../../src/base/random.js';
import { type Footage, type FootageFrame, fieldFootage } from './belief-footage.js';
import { labelled, shuffledGroups } from './belief-series.js';

/** `train`: what the defaults were chosen on. The two have no picture in common. */
export type Part = 'train' | 'test';

/** What a head learns from, and what then passes before the camera. */
export interface Case {
  /** Data set. */
  set: string;
  /** Labels of each class at most. */
  perClass: number;
  /** Classes among what passes that the head does not know. */
  strangers: boolean;
  learnt: FootageFrame[];
  seen: FootageFrame[];
}

const LABELS_PER_CLASS = [5, 15, 50];
const GROCERY_SEEDS = [1, 2, 3];
const STRANGE_CLASSES = 2;
const FIELD_SEEDS: Record<Part, number[]> = { train: [1, 2, 3, 4, 5, 6], test: [11, 12, 13, 14] };
const FIELD_FRAMES = 900;

/**
 * Photos of groceries: series of up to ten shots of one variety, in random order. Part `train` learns
 * half of the groups of the training photos and sees the other half; part `test` learns training photos
 * and sees the test photos, of other shops. Every case with all classes, and with two left out of what
 * is learnt.
 */
export function groceryCases(halves: Record<Part, Footage>, part: Part): Case[] {
  const classes = [...new Set(halves.train.frames.map(({ label }) => label))].sort();
  return GROCERY_SEEDS.flatMap((seed) => {
    const groups = [...new Set(halves.train.frames.map(({ group }) => group))];
    const random = createRandom(seedFrom('half', seed));
    const held = new Set(
      part === 'test' ? [] : shuffled(groups, random).slice(0, Math.floor(groups.length / 2)),
    );
    const toLearn = halves.train.frames.filter(({ group }) => !held.has(group));
    const toSee =
      part === 'test'
        ? halves.test.frames
        : halves.train.frames.filter(({ group }) => held.has(group));
    return [0, STRANGE_CLASSES].flatMap((strange) => {
      const strangers = shuffled(classes, createRandom(seed)).slice(0, strange);
      const known = toLearn.filter(({ label }) => !strangers.includes(label));
      return LABELS_PER_CLASS.map((perClass) => ({
        set: 'grocery',
        perClass,
        strangers: strange > 0,
        learnt: labelled(known, perClass, seed),
        seen: shuffledGroups(toSee, seed),
      }));
    });
  });
}

/**
 * The simulated field: labels of the first half, passes of the second, in which thistles grow that the
 * head does not know.
 */
export async function fieldCases(part: Part): Promise<Case[]> {
  const cases: Case[] = [];
  for (const seed of FIELD_SEEDS[part]) {
    const { frames } = await fieldFootage(seed, FIELD_FRAMES);
    for (const perClass of LABELS_PER_CLASS) {
      cases.push({
        set: 'field',
        perClass,
        strangers: true,
        learnt: labelled(frames.slice(0, FIELD_FRAMES / 2), perClass, seed),
        seen: frames.slice(FIELD_FRAMES / 2),
      });
    }
  }
  return cases;
}
