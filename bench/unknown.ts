import type { Head } from '../src/head/head.js';
import { classificationMetrics } from '../src/head/metrics.js';
import { headProbabilities } from '../src/head/score.js';
import type { TrainingSet } from '../src/head/training-set.js';
import { transformFeatures } from '../src/head/transform.js';
import { conformalPValue, predictionSet } from '../src/head/unknown/conformal.js';
import { NOVELTY_TRANSFORM, noveltyPValue, noveltyScores } from '../src/head/unknown/novelty.js';
import { fitNovelty } from '../src/head/unknown/novelty-fit.js';
import type { NoveltyModel } from '../src/head/unknown/novelty-model.js';
import { productTransposed } from '../src/head/unknown/novelty-subspace.js';
import { OnnxFitEngine } from '../src/training/fit/fit-engine.js';
import type { FitEngine } from '../src/training/fit/search.js';
import { leftOutAnswers } from '../src/training/verdict/unknown-threshold.js';
import { farPictures } from './support/far-pictures.js';
import { groceryPhotos } from './support/grocery.js';
import { embedAll, groceryFeatures, withEmbedder } from './support/photo-features.js';
import {
  auroc,
  BACKBONES,
  fitHead,
  type GroceryData,
  groceryData,
  mean,
  meansByName,
  officialSplit,
  type Protocol,
  prefixed,
  round,
  rowsOf,
  sameShop,
  trainingSet,
} from './support/protocols.js';

const ALPHA = 0.05;
const NEIGHBOURS = 5;
const SAME_SHOP_SEEDS = [1, 2, 3];
/** Where only the order of scores counts, no left-out scores are needed beyond the fewest. */
const ORDER_ONLY = { folds: 2 };

const DETECTORS = ['rmds', 'common', 'msp', 'knn', 'both'] as const;
type Detector = (typeof DETECTORS)[number];

/** Of the names of figures. */
const SUFFIX: Record<Detector, string> = {
  rmds: '',
  common: '_one_covariance',
  msp: '_msp',
  knn: '_knn',
  both: '_fisher',
};

type Detectors = Record<Detector, (features: Float32Array) => ArrayLike<number>>;

/** A set of pictures that are no groceries. */
type Far = Map<string, Float32Array>;

/**
 * How well `unknown` is told apart: each class in turn unknown (near), pictures of other things
 * (far), and how often known things are called unknown; beside one covariance for all classes, the
 * largest probability of the head (MSP), kNN, and Fisher's combination of kNN and the novelty score,
 * in the same run. Options: names of backbones.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const grocery = groceryPhotos();
  if (!grocery)
    return { skipped: 'the grocery photos are not beside the checkout (HEADLAND_SHARED)' };
  const wanted = BACKBONES.filter((name) => options.length === 0 || options.includes(name));
  const figures: Record<string, unknown> = {};
  const pictures = await farPictures();
  const engine = await OnnxFitEngine.create(1);
  for (const backbone of wanted) {
    const data = groceryData(grocery.photos, await groceryFeatures(backbone, grocery));
    const far: Far = new Map();
    await withEmbedder(backbone, async (embedder) => {
      for (const [kind, jpegs] of Object.entries(pictures)) {
        if (jpegs.length > 0) far.set(kind, (await embedAll(embedder, jpegs)).features);
      }
    });
    const protocols = [
      officialSplit(grocery.photos, data),
      ...SAME_SHOP_SEEDS.map((seed) => sameShop(data, seed)),
    ];
    // Each class in turn takes a fit each: the official split and the first of the others must do.
    const results = [];
    for (const [i, protocol] of protocols.entries()) {
      process.stderr.write(`${backbone}: ${protocol.name}\n`);
      const near = i < 2 ? await measureNear(engine, protocol) : null;
      const others = await measure(engine, protocol, far);
      results.push({ name: protocol.name, figures: { ...near?.figures, ...others }, near });
    }
    Object.assign(figures, prefixed(backbone, meansByName(results)));
    figures[`${backbone} official_split near_auroc_by_class`] = results[0]!.near?.byClass;
    figures[`${backbone} frame_ms`] = round(timePerFrame(data));
  }
  await engine.close();
  figures.far_pictures = Object.fromEntries(
    Object.entries(pictures).map(([kind, jpegs]) => [kind, jpegs.length]),
  );
  return figures;
}

/** Each class in turn as the unknown one. */
async function measureNear(
  engine: FitEngine,
  { name, data, training, holdout }: Protocol,
): Promise<{ figures: Record<string, number>; byClass: Record<string, number> }> {
  const near: Record<Detector, number[]> = { rmds: [], common: [], msp: [], knn: [], both: [] };
  const withBackground: number[] = [];
  for (const unknown of data.classes.keys()) {
    const known = (row: number) => data.labels[row] !== unknown;
    const set = trainingSet(data, training.filter(known));
    const isKnown = rowsOf(data, holdout.filter(known));
    const isNot = rowsOf(
      data,
      holdout.filter((row) => !known(row)),
    );
    const detectors = detectorsOf(set, (await fitHead(engine, set, 'ridge')).head);
    for (const detector of DETECTORS) {
      const score = detectors[detector];
      near[detector].push(auroc(score(isKnown), score(isNot)));
    }
    if (name === 'official_split') {
      const unlabelled = rowsOf(
        data,
        training.filter((row) => !known(row)),
      );
      const model = fitNovelty(set, unlabelled, ORDER_ONLY);
      withBackground.push(auroc(noveltyScores(model, isKnown), noveltyScores(model, isNot)));
    }
  }
  return {
    figures: {
      near_auroc: mean(near.rmds),
      near_auroc_least: Math.min(...near.rmds),
      near_auroc_one_covariance: mean(near.common),
      near_auroc_msp: mean(near.msp),
      near_auroc_knn: mean(near.knn),
      near_auroc_fisher: mean(near.both),
      ...(withBackground.length > 0 ? { near_auroc_with_background: mean(withBackground) } : {}),
    },
    byClass: Object.fromEntries(near.rmds.map((auc, c) => [data.classes[c]!, round(auc)])),
  };
}

/** Known things of the holdout, and pictures of other things. */
async function measure(
  engine: FitEngine,
  { data, training, holdout }: Protocol,
  far: Far,
): Promise<Record<string, number>> {
  const set = trainingSet(data, training);
  const examined = rowsOf(data, holdout);
  const { recipe, head } = await fitHead(engine, set, 'ridge');
  const novelty = fitNovelty(set);
  const { setProbability } = leftOutAnswers(set, recipe.leaveGroupOutProbabilities);
  const detectors = detectorsOf(set, head);
  const probabilities = headProbabilities(head, examined);
  const truth = Int32Array.from(holdout, (row) => data.labels[row]!);
  let covered = 0;
  let setSize = 0;
  let falseUnknown = 0;
  for (let i = 0; i < holdout.length; i++) {
    const own = probabilities.subarray(i * set.classCount, (i + 1) * set.classCount);
    const answer = predictionSet(own, setProbability);
    covered += Number(answer.includes(truth[i]!)) / holdout.length;
    setSize += answer.length / holdout.length;
    const features = examined.subarray(i * data.featureSize, (i + 1) * data.featureSize);
    falseUnknown += Number(noveltyPValue(novelty, features) < ALPHA) / holdout.length;
  }
  return {
    false_unknown: falseUnknown,
    set_coverage: covered,
    set_size: setSize,
    ece: classificationMetrics(probabilities, truth, set.classCount).ece,
    holdout_photos: holdout.length,
    ...farAurocs(detectors, examined, far),
    far_called_unknown: shareCalledUnknown(novelty, far),
  };
}

/** How well each detector tells far pictures from the holdout. */
function farAurocs(detectors: Detectors, examined: Float32Array, far: Far): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const detector of DETECTORS) {
    const score = detectors[detector];
    const known = score(examined);
    const byKind = new Map([...far].map(([kind, rows]) => [kind, auroc(known, score(rows))]));
    figures[`far_auroc${SUFFIX[detector]}`] = mean([...byKind.values()]);
    if (detector === 'rmds')
      Object.assign(figures, prefixed('far_auroc', Object.fromEntries(byKind)));
  }
  return figures;
}

/** Over all far pictures. */
function shareCalledUnknown(novelty: NoveltyModel, far: Far): number {
  const size = novelty.basis.length / novelty.dimensions;
  let called = 0;
  let strange = 0;
  for (const features of far.values()) {
    for (let at = 0; at < features.length; at += size) {
      strange++;
      const row = features.subarray(at, at + size);
      if (noveltyPValue(novelty, row) < ALPHA) called++;
    }
  }
  return called / strange;
}

/** Scores of the detectors under comparison; larger = stranger. */
function detectorsOf(set: TrainingSet, head: Head): Detectors {
  const common = fitNovelty(set, undefined, {
    ...ORDER_ONLY,
    commonSamples: Number.POSITIVE_INFINITY,
  });
  const model = fitNovelty(set, undefined, ORDER_ONLY);
  const knn = nearestNeighbours(set);
  return {
    rmds: (features) => noveltyScores(model, features),
    common: (features) => noveltyScores(common, features),
    msp: (features) => {
      const probabilities = headProbabilities(head, features);
      return Float64Array.from(
        { length: probabilities.length / set.classCount },
        (_, i) =>
          -Math.max(...probabilities.subarray(i * set.classCount, (i + 1) * set.classCount)),
      );
    },
    knn: (features) => knn.scores(features),
    both: (features) => fisher(model, knn, features),
  };
}

interface Neighbours {
  scores(features: Float32Array): Float64Array;
  /** Of the training rows, without those of their own group, ascending. */
  leftOut: Float64Array;
}

/** Minus the cosine to the fifth nearest training row. */
function nearestNeighbours(set: TrainingSet): Neighbours {
  const d = set.featureSize;
  const rows = Float64Array.from(transformFeatures(set.features, d, NOVELTY_TRANSFORM));
  const scoresOf = (z: Float64Array, skipOwnGroup: boolean): Float64Array => {
    const cosines = productTransposed(z, z.length / d, rows, set.rows, d);
    return Float64Array.from({ length: z.length / d }, (_, i) => {
      const others = cosines
        .subarray(i * set.rows, (i + 1) * set.rows)
        .filter((_, k) => !skipOwnGroup || set.groups[k] !== set.groups[i])
        .sort();
      return -others[Math.max(0, others.length - NEIGHBOURS)]!;
    });
  };
  const known = new WeakMap<Float32Array, Float64Array>();
  return {
    scores: (features) => {
      const z = Float64Array.from(transformFeatures(features, d, NOVELTY_TRANSFORM));
      const found = known.get(features) ?? scoresOf(z, false);
      known.set(features, found);
      return found;
    },
    leftOut: scoresOf(rows, true).sort(),
  };
}

function fisher(model: NoveltyModel, knn: Neighbours, features: Float32Array): Float64Array {
  const distances = knn.scores(features);
  return noveltyScores(model, features).map(
    (score, i) =>
      -Math.log(conformalPValue(model.scores, score)) -
      Math.log(conformalPValue(knn.leftOut, distances[i]!)),
  );
}

function timePerFrame(data: GroceryData): number {
  const model = fitNovelty(trainingSet(data, [...data.labels.keys()]), undefined, ORDER_ONLY);
  const one = data.features.subarray(0, data.featureSize);
  const times = Array.from({ length: 300 }, () => {
    const start = performance.now();
    noveltyPValue(model, one);
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[150]!;
}
