import { createRandom, seedFrom, shuffled } from '../../src/base/random.js';
import type { FramePlace } from '../../src/head/belief/scene-centre.js';
import type { Head } from '../../src/head/head.js';
import { headProbabilities } from '../../src/head/score.js';
import { groupingOf, judgedRows, type TrainingSet } from '../../src/head/training-set.js';
import { noveltyPValue, subspacePoints } from '../../src/head/unknown/novelty.js';
import type { NoveltyModel } from '../../src/head/unknown/novelty-model.js';
import { fitHead, headOf } from '../../src/training/fit/fit-head.js';
import type { FitEngine } from '../../src/training/fit/search.js';
import type { FootageFrame } from './belief-footage.js';
import { SEARCH_BUDGET_MS } from './life-cell.js';

/** A frame as a filter sees it, and what it shows. */
export interface SeriesFrame {
  /** C, calibrated. */
  probabilities: Float64Array;
  noveltyPValue: number | null;
  place: FramePlace | null;
  dhash: string;
  features: Float32Array;
  /** What it shows; a class that the head does not know is one of none of its labels. */
  label: string;
  group: string;
}

export interface Series {
  labels: readonly string[];
  /** Of the head. */
  novelty: NoveltyModel;
  /** In order of time. */
  frames: SeriesFrame[];
}

export interface Episode {
  /** What a head has learnt, as heads without the group of a frame answer it. */
  learnt: Series;
  /** What then passes before the head. */
  seen: Series;
}

/** Frames of each group; groups stand together. */
export function groupsOf({ frames }: Series): SeriesFrame[][] {
  const groups: SeriesFrame[][] = [];
  for (const [i, frame] of frames.entries()) {
    if (frames[i - 1]?.group !== frame.group) groups.push([]);
    groups.at(-1)!.push(frame);
  }
  return groups;
}

/** Groups in random order, the frames of each in their order. */
export function shuffledGroups(frames: readonly FootageFrame[], seed: number): FootageFrame[] {
  const groups = [...new Set(frames.map(({ group }) => group))];
  return shuffled(groups, createRandom(seed)).flatMap((group) =>
    frames.filter((frame) => frame.group === group),
  );
}

/** At most so many frames of each class, drawn by seed, in their order. */
export function labelled(
  frames: readonly FootageFrame[],
  perClass: number,
  seed: number,
): FootageFrame[] {
  const random = createRandom(seedFrom('labels', seed));
  const counts = new Map<string, number>();
  const drawn = new Set(
    shuffled(frames, random).filter(({ label }) => {
      const count = counts.get(label) ?? 0;
      counts.set(label, count + 1);
      return count < perClass;
    }),
  );
  return frames.filter((frame) => drawn.has(frame));
}

/** Trains a head as the product does, without views, and lets it answer. */
export async function episode(
  engine: FitEngine,
  learnt: readonly FootageFrame[],
  seen: readonly FootageFrame[],
): Promise<Episode> {
  const set = trainingSetOf(learnt);
  const labels = [...new Set(learnt.map(({ label }) => label))].sort();
  const { recipe, novelty } = await fitHead(set, {
    learners: ['ridge', 'softmax', 'blend'],
    budgetMs: SEARCH_BUDGET_MS,
    classGaussians: true,
    engine,
  });
  const head: Head = {
    ...headOf(recipe, { labels, featureSize: set.featureSize, backboneChecksum: 'bench' }),
    novelty,
  };
  const c = labels.length;
  const { judged } = judgedRows(set, groupingOf(set));
  return {
    learnt: {
      labels,
      novelty,
      frames: Array.from(judged, (i) => ({
        ...learnt[i]!,
        probabilities: recipe.leaveGroupOutProbabilities.slice(i * c, (i + 1) * c),
        noveltyPValue: null,
        place: null,
      })),
    },
    seen: {
      labels,
      novelty,
      frames: seen.map((frame) => ({
        ...frame,
        probabilities: headProbabilities(head, frame.features),
        noveltyPValue: noveltyPValue(novelty, frame.features),
        place: { model: novelty, point: subspacePoints(novelty, frame.features) },
      })),
    },
  };
}

function trainingSetOf(frames: readonly FootageFrame[]): TrainingSet {
  const labels = [...new Set(frames.map(({ label }) => label))].sort();
  const groups = [...new Set(frames.map(({ group }) => group))];
  const featureSize = frames[0]!.features.length;
  const features = new Float32Array(frames.length * featureSize);
  for (const [i, frame] of frames.entries()) features.set(frame.features, i * featureSize);
  return {
    features,
    rows: frames.length,
    featureSize,
    labels: Int32Array.from(frames, ({ label }) => labels.indexOf(label)),
    groups: Int32Array.from(frames, ({ group }) => groups.indexOf(group)),
    isView: new Uint8Array(frames.length),
    samples: Int32Array.from(frames, (_, i) => i),
    classCount: labels.length,
  };
}
