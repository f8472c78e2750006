import type { Backbone } from '../../backbone/backbone.js';
import { Embedder, type EmbedderOptions } from '../../backbone/embedder.js';
import { labelledMetrics } from '../../head/labelled-metrics.js';
import { indexOfLargest } from '../../head/score.js';
import { groupingOf, judgedRows } from '../../head/training-set.js';
import type { SampleStore } from '../../samples/store.js';
import { collect, readLabelled } from '../../training/data/collect.js';
import { embedMissing } from '../../training/data/embed-missing.js';
import { assemble, originals } from '../../training/data/feature-matrix.js';
import { OnnxFitEngine } from '../../training/fit/fit-engine.js';
import { fitHead } from '../../training/fit/fit-head.js';
import type { JobSettings } from '../../training/job/job-protocol.js';

export interface ComparisonInput {
  store: SampleStore;
  /** Each is opened, measured and closed before the next. */
  candidates: readonly { name: string; open: () => Promise<Backbone> }[];
  pictures: EmbedderOptions;
  /** The settings of a training. */
  training: Pick<
    JobSettings['training'],
    'minLabels' | 'minLabelsPerClass' | 'learners' | 'searchBudgetMs' | 'classGaussians'
  >;
  augmentation: Parameters<Embedder['embedView']>[2];
  views: number;
  seed: number;
  recipe: string;
  onProgress: (name: string, phase: 'embed' | 'fit', done: number, total: number) => void;
  signal?: AbortSignal;
}

/** Score of a head on one backbone, on photos of groups that it has not seen. */
export interface BackboneScore {
  name: string;
  featureSize: number;
  inputSize: number;
  /** 0..1 */
  accuracy: number;
  macroF1: number;
  macroLogLoss: number;
  learner: string;
  transform: string;
  /** Accuracy minus that of the most accurate backbone: 0 or below. */
  behind: number;
  /** Standard error of `behind` over groups of photos; 0 for the most accurate. */
  behindStandardError: number;
}

export interface Comparison {
  photos: number;
  /** Number of photos that were answered by heads that had not seen their group. */
  judged: number;
  groups: number;
  classes: string[];
  /** Most accurate first. */
  scores: BackboneScore[];
}

/**
 * Measures backbones on labelled samples in the way of a training: the same features, search and
 * leave-group-out answers, on the same photos for all.
 * @throws HeadlandError HL_TRAINING_TOO_FEW_…, HL_MODEL_…, HL_BACKBONE_…
 */
export async function compareBackbones(input: ComparisonInput): Promise<Comparison> {
  const { store, training } = input;
  const wanted = collect(readLabelled(store), training);
  const answers: { score: BackboneScore; right: Uint8Array }[] = [];
  let ids: string[] | null = null;
  let groups: string[] = [];
  const engine = await OnnxFitEngine.create(1);
  try {
    for (const candidate of input.candidates) {
      input.signal?.throwIfAborted();
      const backbone = await candidate.open();
      try {
        const embedder = new Embedder(backbone, input.pictures);
        await embedMissing({
          store,
          embedder,
          samples: wanted.training,
          augmentation: input.augmentation,
          seed: input.seed,
          recipe: input.recipe,
          onProgress: (done, total) => {
            input.signal?.throwIfAborted();
            input.onProgress(candidate.name, 'embed', done, total);
          },
        });
        // A photo that one backbone cannot decode, none can; the first one tells which photos are
        // left.
        const vectors = originals(store, wanted.training, embedder.checksum);
        ids ??= wanted.training.flatMap((sample, i) => (vectors[i] ? [sample.id] : []));
        const kept = new Set(ids);
        const samples = readLabelled(store).filter(({ id }) => kept.has(id));
        const collected = collect(samples, training);
        const { labels } = collected;
        const set = assemble(store, collected.training, labels, {
          key: embedder.checksum,
          recipe: input.recipe,
          views: input.views,
          featureSize: backbone.featureSize,
        });
        const { learners, searchBudgetMs: budgetMs, classGaussians } = training;
        const { recipe } = await fitHead(set, {
          learners,
          budgetMs,
          classGaussians,
          engine,
          onCandidate: (done, total) => input.onProgress(candidate.name, 'fit', done, total),
        });
        const { judged } = judgedRows(set, groupingOf(set));
        const of = judged.map((row) => row);
        groups = Array.from(of, (row) => collected.training[row]!.group);
        const probabilities = new Float64Array(of.length * labels.length);
        const right = new Uint8Array(of.length);
        of.forEach((row, i) => {
          const from = row * labels.length;
          const own = recipe.leaveGroupOutProbabilities.subarray(from, from + labels.length);
          probabilities.set(own, i * labels.length);
          right[i] = indexOfLargest(own, 0, labels.length) === set.labels[row] ? 1 : 0;
        });
        const truth = Array.from(of, (row) => collected.training[row]!.label);
        const metrics = labelledMetrics(probabilities, labels, truth);
        answers.push({
          right,
          score: {
            name: candidate.name,
            featureSize: backbone.featureSize,
            inputSize: backbone.inputSize,
            accuracy: metrics?.accuracy ?? 0,
            macroF1: metrics?.macroF1 ?? 0,
            macroLogLoss: recipe.macroLogLoss,
            learner: recipe.learner,
            transform: recipe.fit.transform,
            behind: 0,
            behindStandardError: 0,
          },
        });
      } finally {
        await backbone.close();
      }
    }
  } finally {
    await engine.close();
  }
  answers.sort((a, b) => b.score.accuracy - a.score.accuracy || b.score.macroF1 - a.score.macroF1);
  const best = answers[0];
  const scores = answers.map(({ score, right }) =>
    best ? { ...score, ...pairedDifference(right, best.right, groups) } : score,
  );
  return {
    photos: ids?.length ?? 0,
    judged: best?.right.length ?? 0,
    groups: new Set(groups).size,
    classes: wanted.labels,
    scores,
  };
}

/**
 * Difference of two accuracies on the same photos, by groups, because photos of one group err
 * together.
 */
export function pairedDifference(
  right: Uint8Array,
  best: Uint8Array,
  groups: readonly string[],
): { behind: number; behindStandardError: number } {
  const n = right.length;
  const difference = Array.from(right, (value, i) => value - (best[i] as number));
  const mean = difference.reduce((sum, d) => sum + d, 0) / n;
  const byGroup = new Map<string, number>();
  difference.forEach((d, i) => {
    const group = groups[i] as string;
    byGroup.set(group, (byGroup.get(group) ?? 0) + d - mean);
  });
  const squares = [...byGroup.values()].reduce((sum, part) => sum + part * part, 0);
  const many = byGroup.size > 1 ? byGroup.size / (byGroup.size - 1) : 1;
  return { behind: mean, behindStandardError: Math.sqrt(squares * many) / n };
}
