import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, seedFrom, shuffled } from '../src/base/random.js';
import { listIn } from '../src/base/values/list-in.js';
import { validateConfig } from '../src/config/load.js';
import { markAnswers } from '../src/gate/answers/answer-marks.js';
import type { PresentAnswer } from '../src/gate/answers/sample-answer.js';
import { clusterNearDuplicates } from '../src/head/clusters.js';
import { groupingOf, judgedRows, type TrainingSet } from '../src/head/training-set.js';
import { OnnxFitEngine } from '../src/training/fit/fit-engine.js';
import { fitHead } from '../src/training/fit/fit-head.js';
import { leftOutAnswersOf } from '../src/training/verdict/sample-answers.js';
import { type Photo, type PhotoSet, readPhotoSet } from './support/life-data.js';
import { openKeepingEmbedder } from './support/life-features.js';
import { sharedFolder, sharedMirrors, userCacheDir } from './support/places.js';
import { mean, round } from './support/protocols.js';

/** The rule was chosen on `roads` and on the training shops of `grocery`. */
const SETS = ['roads', 'grocery', 'fruit-copies'];
const FLIPPED = 0.05;
const SEEDS = [1, 2, 3];
const PER_CLASS = [10, 20, 50, 1_000];

interface Trial {
  answers: PresentAnswer[];
  /** Ids of the samples with a wrong label. */
  flipped: Set<string>;
}

/**
 * How well wrong labels are found: one label in twenty of a photo set is changed to another class, a
 * head is trained as the product does, and the suspected samples are compared with the changed
 * ones. Labels of the set that are wrong already count as false alarms. Option `--rules` prints other
 * rules beside the product's.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const shared = sharedFolder();
  if (shared === null) return { skipped: 'the photo sets are not beside the checkout' };
  const cacheDir = userCacheDir();
  const config = validateConfig({
    paths: { cacheDir, stateDir: cacheDir },
    models: { mirrors: sharedMirrors() },
  });
  const embedder = await openKeepingEmbedder(config);
  const engine = await OnnxFitEngine.create(1);
  const figures: Record<string, unknown> = {};
  const rules = options.includes('--rules') ? RULES : PRODUCT;
  for (const name of SETS.filter((each) => existsSync(join(shared, 'data', each)))) {
    const folder = join(shared, 'data', name);
    for (const part of partsOf(await readPhotoSet(name, folder))) {
      const features = new Map<string, Float32Array>();
      for (const { path } of part.photos) {
        const bytes = readFileSync(join(folder, path));
        features.set(path, (await embedder.embedPicture(bytes)).features);
      }
      Object.assign(figures, await measure(engine, part, features, rules));
    }
  }
  await engine.close();
  return figures;
}

async function measure(
  engine: OnnxFitEngine,
  part: { name: string; photos: Photo[] },
  features: ReadonlyMap<string, Float32Array>,
  rules: Record<string, Rule>,
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const perClass of PER_CLASS) {
    const trials: Trial[] = [];
    for (const seed of SEEDS) {
      trials.push(await trial(engine, drawn(part.photos, perClass, seed), features, seed));
    }
    const key = `${part.name}, ${perClass >= 1_000 ? 'all' : `${perClass} a class`}`;
    figures[`${key}: samples`] = trials[0]!.answers.length;
    for (const [rule, finds] of Object.entries(rules)) {
      Object.assign(figures, tallied(`${key}: ${rule}`, trials, finds));
    }
  }
  return figures;
}

type Rule = (answers: readonly PresentAnswer[]) => Set<string>;

const PRODUCT: Record<string, Rule> = {
  suspect: (answers) =>
    new Set([...markAnswers(answers, null)].flatMap(([id, { suspect }]) => (suspect ? id : []))),
};

const above =
  (least: (label: string) => number): Rule =>
  (answers) =>
    new Set(
      answers.flatMap(({ id, right, knowable, label, confidence }) =>
        !right && knowable && confidence >= least(label) ? id : [],
      ),
    );

const RULES: Record<string, Rule> = {
  ...PRODUCT,
  'any wrong answer': above(() => 0),
  'another label at 0.5': above(() => 0.5),
  'another label at 0.8': above(() => 0.8),
  'another label at 0.9': above(() => 0.9),
  'confident learning, at least 0.5': (answers) => {
    const usual = usualProbabilities(answers);
    return above((label) => Math.max(0.5, usual.get(label) ?? 1))(answers);
  },
};

/** By label, the mean probability that the head gives to it on samples that have it. */
function usualProbabilities(answers: readonly PresentAnswer[]): Map<string, number> {
  const found = new Map<string, number[]>();
  for (const { truth, probability } of answers) listIn(found, truth).push(probability);
  return new Map([...found].map(([label, values]) => [label, mean(values)]));
}

function partsOf({ name, photos }: PhotoSet): { name: string; photos: Photo[] }[] {
  if (!photos.some(({ split }) => split !== null)) return [{ name, photos }];
  return (['train', 'test'] as const).map((split) => {
    return { name: `${name} ${split}`, photos: photos.filter((photo) => photo.split === split) };
  });
}

function drawn(photos: readonly Photo[], perClass: number, seed: number): Photo[] {
  const counts = new Map<string, number>();
  return shuffled(photos, createRandom(seed)).filter(({ label }) => {
    const count = counts.get(label) ?? 0;
    counts.set(label, count + 1);
    return count < perClass;
  });
}

async function trial(
  engine: OnnxFitEngine,
  photos: readonly Photo[],
  features: ReadonlyMap<string, Float32Array>,
  seed: number,
): Promise<Trial> {
  const classes = [...new Set(photos.map(({ label }) => label))].sort();
  const random = createRandom(seedFrom('flips', seed));
  const flipped = new Set<string>();
  const samples = photos.map(({ path, label, group }) => {
    const flip = random.next() < FLIPPED;
    if (flip) flipped.add(path);
    const others = classes.filter((each) => each !== label);
    return { id: path, label: flip ? others[random.int(others.length)]! : label, group };
  });
  const set = trainingSet(samples, classes, features);
  const { recipe } = await fitHead(set, {
    learners: ['ridge', 'softmax', 'blend'],
    budgetMs: 120_000,
    classGaussians: true,
    engine,
  });
  const { singleGroupClasses } = judgedRows(set, groupingOf(set));
  const found = leftOutAnswersOf(samples, classes, recipe.leaveGroupOutProbabilities);
  const answers = found.map((answer, i): PresentAnswer => {
    const { label, group } = samples[i]!;
    return {
      ...answer,
      truth: label,
      group,
      holdout: false,
      knowable: !singleGroupClasses.includes(classes.indexOf(label)),
      judged: true,
      champion: null,
      right: answer.label === label,
      relabelled: false,
    };
  });
  return { answers, flipped };
}

function trainingSet(
  samples: readonly { id: string; label: string; group: string }[],
  classes: readonly string[],
  features: ReadonlyMap<string, Float32Array>,
): TrainingSet {
  const featureSize = features.get(samples[0]!.id)!.length;
  const all = new Float32Array(samples.length * featureSize);
  samples.forEach(({ id }, i) => {
    all.set(features.get(id)!, i * featureSize);
  });
  const names = [...new Set(samples.map(({ group }) => group))];
  const labels = Int32Array.from(samples, ({ label }) => classes.indexOf(label));
  const groups = Int32Array.from(samples, ({ group }) => names.indexOf(group));
  return {
    features: all,
    rows: samples.length,
    featureSize,
    labels,
    groups,
    isView: new Uint8Array(samples.length),
    samples: Int32Array.from(samples.keys()),
    clusters: Int32Array.from(clusterNearDuplicates(all, featureSize, labels, groups)),
    classCount: classes.length,
  };
}

function tallied(key: string, trials: readonly Trial[], finds: Rule): Record<string, number> {
  let found = 0;
  let named = 0;
  let wrong = 0;
  for (const { answers, flipped } of trials) {
    const suspected = finds(answers);
    named += suspected.size;
    wrong += flipped.size;
    for (const id of suspected) if (flipped.has(id)) found++;
  }
  return {
    [`${key}, precision`]: round(named === 0 ? 1 : found / named),
    [`${key}, recall`]: round(wrong === 0 ? 1 : found / wrong),
  };
}
