import type { TfjsEngine } from '../../backbone/engines/tfjs-library.js';
import { labelledMetrics } from '../../head/labelled-metrics.js';
import { indexOfLargest } from '../../head/score.js';
import { OnnxFitEngine } from '../../training/fit/fit-engine.js';
import { embedPhotos, fitHead, type StudyBackbone, type StudyFeatures } from './study-backbone.js';
import { BATCH, SmallCnn, type StudyImage } from './study-cnn.js';
import { type Costs, planStudy, StudyClock } from './study-plan.js';
import {
  type Split,
  type StudyFolds,
  type StudyPhoto,
  splitOf,
  studyFolds,
} from './study-split.js';
import { estimate, estimateShare } from './study-statistics.js';
import type { FoldResult, Study, StudyPlan, StudyRow } from './study-types.js';
import { type NetworkVariant, type Variant, variantName } from './study-variants.js';
import { studyVerdict } from './study-verdict.js';

export interface StudyInput {
  folder: string;
  photos: readonly StudyPhoto[];
  /** In the order of running; at least one. */
  variants: readonly Variant[];
  /** Null: five, or fewer with fewer than ten groups. */
  folds: number | null;
  engine: TfjsEngine;
  backbone: StudyBackbone;
  /** A new augmentation of an image; the same (index, round) gives the same result. */
  augment: (image: StudyImage, index: number, round: number) => StudyImage;
  epochs: number;
  sizePixels: number;
  views: number;
  seed: number;
  /** For the whole study; fewer epochs and folds are run where they would not fit. */
  budgetSeconds: number;
  /** Called once, before the long work begins. */
  onPlan: (plan: StudyPlan, folds: number) => void;
  /** Called after each epoch and forward pass, with seconds of the plan. */
  onProgress: (doneSeconds: number, totalSeconds: number) => void;
  onFit: (fit: FitNotice) => void;
  signal?: AbortSignal;
}

export interface FitNotice {
  /** 1..folds. */
  fold: number;
  folds: number;
  name: string;
  accuracy: number;
  trainingAccuracy: number;
  /** Until the end of the study, estimated from the pace so far. */
  secondsLeft: number;
}

/** One variant with one fold held out. */
interface Fit extends FoldResult {
  epochs: number;
  /** False: ended before its last epoch. */
  complete: boolean;
  seconds: number;
  points: StudyRow['points'];
}

/**
 * The article's experiment by stratified k-fold cross-validation over groups: small CNNs from
 * scratch, with and without augmentation, dropout, L2 and other learning rates, and the frozen
 * backbone with headland's head. All variants learn from the same photos of the same folds with the
 * same seeds, so that they can be compared in pairs. The duration is first measured on one batch.
 * One fold after the other is run for all variants; after an abort or the end of the budget, the
 * folds that every variant has finished count.
 *
 * @throws HeadlandError HL_STUDY_TOO_FEW_CLASSES | HL_STUDY_TOO_FEW_GROUPS
 */
export async function runStudy(input: StudyInput): Promise<Study> {
  const startedAt = performance.now();
  const folds = studyFolds(input.photos, input.folds, input.seed);
  const plan = planStudy(await measure(input, folds), {
    ...input,
    photos: input.photos.length,
    batch: BATCH,
    folds: folds.count,
  });
  input.onPlan(plan, folds.count);
  const deadline = startedAt + input.budgetSeconds * 1_000;
  const fits = await new StudyRun(input, folds, new StudyClock(plan, deadline)).run();
  const run = countedFolds(input.variants, fits);
  const rows = input.variants.map((variant) => rowOf(variant, fits.get(variant.id) ?? [], run));
  const study = {
    schema: 2 as const,
    createdAt: new Date().toISOString(),
    folder: input.folder,
    ...describePhotos(folds),
    folds: {
      count: folds.count,
      run,
      parts: Array.from({ length: folds.count }, (_, fold) => describePart(folds, fold)),
    },
    settings: {
      epochs: plan.epochs,
      sizePixels: input.sizePixels,
      batch: BATCH,
      views: plan.views,
      seed: input.seed,
    },
    engine: {
      backend: input.engine.backend,
      reason: input.engine.reason,
      backbone: input.backbone.name,
    },
    plan,
    interrupted: input.signal?.aborted ?? false,
    rows,
  };
  const seconds = (performance.now() - startedAt) / 1_000;
  return { ...study, verdict: studyVerdict(study), seconds };
}

/** Runs every variant, one fold after the other. */
class StudyRun {
  #features: StudyFeatures | null = null;
  #embedSeconds = 0;

  constructor(
    private readonly input: StudyInput,
    private readonly folds: StudyFolds,
    private readonly clock: StudyClock,
  ) {}

  async run(): Promise<Map<string, Fit[]>> {
    const { variants } = this.input;
    const { plan } = this.clock;
    const fits = new Map<string, Fit[]>(variants.map(({ id }) => [id, []]));
    const engine = await OnnxFitEngine.create(1);
    try {
      // A machine that was busy during the measurement may manage more folds than planned.
      for (let fold = 0; fold < this.folds.count && !this.#isOver(); fold++) {
        if (fold > 0 && !this.clock.fits(plan.foldSeconds)) break;
        if (fold >= plan.folds) this.clock.extend(plan.foldSeconds);
        await this.#runFold(fold, engine, fits);
      }
    } finally {
      await engine.close();
    }
    return fits;
  }

  async #runFold(fold: number, engine: OnnxFitEngine, fits: Map<string, Fit[]>): Promise<void> {
    const { variants } = this.input;
    for (const [i, variant] of variants.entries()) {
      if (this.#isOver()) return;
      const until = fold === 0 ? this.#shareUntil(variants.slice(i)) : this.clock.deadline;
      const fit =
        variant.kind === 'backbone'
          ? await this.#head(fold, engine)
          : await this.#network(variant, fold, until);
      if (!fit) continue;
      fits.get(variant.id)!.push(fit);
      this.#notify(variant, fit);
    }
  }

  #isOver(until = this.clock.deadline): boolean {
    return this.input.signal?.aborted === true || performance.now() > until;
  }

  /**
   * In the first fold each variant gets its share of the remaining time, so that the last ones run
   * too.
   */
  #shareUntil(variants: readonly Variant[]): number {
    const { perVariant } = this.clock.plan;
    const rest = variants.reduce((sum, { id }) => sum + perVariant[id]!, 0);
    const left = this.clock.deadline - performance.now();
    return performance.now() + (left * perVariant[variants[0]!.id]!) / rest;
  }

  #advance(seconds: number): void {
    this.clock.add(seconds);
    this.input.onProgress(this.clock.done, this.clock.total);
  }

  #notify(variant: Variant, { fold, accuracy, trainingAccuracy }: Fit): void {
    this.input.onFit({
      fold: fold + 1,
      folds: Math.max(fold + 1, this.clock.plan.folds),
      name: variantName(variant),
      accuracy,
      trainingAccuracy,
      secondsLeft: this.clock.left(),
    });
  }

  async #head(fold: number, engine: OnnxFitEngine): Promise<Fit | null> {
    const { backbone, photos, variants } = this.input;
    const { views, perVariant, folds } = this.clock.plan;
    const planned = perVariant[variants.find(({ kind }) => kind === 'backbone')!.id]!;
    const embedding = this.clock.plan.embedSeconds;
    if (!this.#features) {
      const startedAt = performance.now();
      const each = embedding / (photos.length * (1 + views));
      this.#features = await embedPhotos(
        backbone,
        photos.length,
        views,
        () => this.#isOver(),
        () => this.#advance(each),
      );
      this.#embedSeconds = (performance.now() - startedAt) / 1_000;
    }
    if (!this.#features) return null;
    const startedAt = performance.now();
    const split = splitOf(this.folds, fold);
    const answers = await fitHead(this.#features, this.folds, split, engine, this.input.signal);
    if (!answers) return null;
    const seconds = (performance.now() - startedAt) / 1_000;
    this.#advance((planned - embedding) / folds);
    const result = this.#result(fold, split, answers);
    return {
      ...result,
      epochs: 0,
      complete: true,
      seconds: seconds + (fold === 0 ? this.#embedSeconds : 0),
      points: [{ seconds: this.#embedSeconds + seconds, score: result.macroF1 }],
    };
  }

  async #network(variant: NetworkVariant, fold: number, until: number): Promise<Fit | null> {
    const { photos, sizePixels, seed, engine, augment } = this.input;
    const { epochs, perVariant, folds } = this.clock.plan;
    const split = splitOf(this.folds, fold);
    const { training, heldOut } = split;
    const labels = training.map((i) => this.folds.classes[i]!);
    const image = (n: number) => photos[training[n]!]!.image;
    const isOver = () => this.#isOver(until);
    const cnn = new SmallCnn(engine.tf, {
      ...variant,
      sizePixels,
      classCount: this.folds.labels.length,
      seed: seed + fold,
    });
    const points: { seconds: number; score: number }[] = [];
    let seconds = 0;
    let answers: Float64Array | null = null;
    try {
      for (let epoch = 1; epoch <= epochs && !isOver(); epoch++) {
        seconds += await timed(() =>
          cnn.epoch(
            epoch,
            labels,
            variant.augmentation ? (n) => augment(image(n), training[n]!, epoch) : image,
            isOver,
          ),
        );
        // An interrupted epoch has no point of its own, unless it is the only one.
        if (isOver() && points.length > 0) break;
        answers = await cnn.probabilities(heldOut.map((i) => photos[i]!.image));
        points.push({ seconds, score: score(answers, this.folds, heldOut).macroF1 });
        this.#advance(perVariant[variant.id]! / folds / epochs);
      }
      if (answers === null) return null;
      const learnt = await cnn.probabilities(training.map((i) => photos[i]!.image));
      return {
        ...this.#result(fold, split, { heldOut: answers, training: learnt }),
        epochs: points.length,
        seconds,
        points,
        complete: points.length === epochs,
      };
    } finally {
      cnn.close();
    }
  }

  #result(
    fold: number,
    { heldOut, training }: Split,
    answers: { heldOut: Float64Array; training: Float64Array },
  ): FoldResult {
    const { accuracy, macroF1 } = score(answers.heldOut, this.folds, heldOut);
    const trainingAccuracy = score(answers.training, this.folds, training).accuracy;
    const groups = byGroup(answers.heldOut, this.folds, heldOut);
    return { fold, accuracy, macroF1, trainingAccuracy, groups };
  }
}

/** Measures a batch of a network (the first one warms up), augmentations and forward passes. */
async function measure(input: StudyInput, folds: StudyFolds): Promise<Costs> {
  const { variants, sizePixels, seed } = input;
  const networks = variants.filter((variant) => variant.kind === 'network');
  const costs: Costs = { step: 0, predict: 0, augment: 0, forward: 0 };
  const photos = input.photos.slice(0, BATCH);
  const images = photos.map(({ image }) => image);
  if (networks.length > 0) {
    const cnn = new SmallCnn(input.engine.tf, {
      sizePixels,
      seed,
      classCount: folds.labels.length,
      learningRate: 1e-3,
      // The most expensive settings of all networks.
      l2: Math.max(...networks.map(({ l2 }) => l2)),
      dropout: Math.max(...networks.map(({ dropout }) => dropout)),
    });
    const labels = Array.from(folds.classes.subarray(0, photos.length));
    await cnn.step(images, labels);
    await cnn.probabilities(images);
    costs.step = await usual(() => cnn.step(images, labels));
    costs.predict = (await usual(() => cnn.probabilities(images))) / images.length;
    cnn.close();
  }
  if (networks.some(({ augmentation }) => augmentation)) {
    const all = async () => images.forEach((image, i) => void input.augment(image, i, 0));
    costs.augment = (await usual(all)) / images.length;
  }
  if (networks.length < variants.length) {
    await input.backbone.embed(0, 0);
    costs.forward = await usual(() => input.backbone.embed(0, 0));
  }
  return costs;
}

/** The folds that every variant has finished; without one, the first fold as far as it got. */
function countedFolds(
  variants: readonly Variant[],
  fits: ReadonlyMap<string, readonly Fit[]>,
): number[] {
  const ended = variants.map(
    ({ id }) =>
      new Set(
        fits
          .get(id)!
          .filter((fit) => fit.complete)
          .map((fit) => fit.fold),
      ),
  );
  const all = [...ended[0]!].filter((fold) => ended.every((folds) => folds.has(fold)));
  if (all.length > 0) return all;
  return [...fits.values()].some((some) => some.length > 0) ? [0] : [];
}

function rowOf(variant: Variant, fits: readonly Fit[], run: readonly number[]): StudyRow {
  const counted = fits.filter(({ fold }) => run.includes(fold));
  const over = (value: (fit: Fit) => number, least = 0) =>
    counted.length === 0 ? null : estimate(counted.map(value), least);
  const photos = counted.flatMap(({ groups }) => groups).reduce((sum, g) => sum + g.photos, 0);
  // One photo of a fold.
  const step = photos === 0 ? 0 : counted.length / photos;
  const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const epochs = Math.min(...counted.map((fit) => fit.points.length));
  return {
    variant,
    name: variantName(variant),
    state:
      counted.length === 0 ? 'not run' : counted.every(({ complete }) => complete) ? 'done' : 'cut',
    epochs: counted[0]?.epochs ?? 0,
    seconds: counted.reduce((sum, fit) => sum + fit.seconds, 0),
    folds: counted.map(({ fold, accuracy, macroF1, trainingAccuracy, groups }) => ({
      fold,
      accuracy,
      macroF1,
      trainingAccuracy,
      groups,
    })),
    accuracy:
      counted.length === 0
        ? null
        : estimateShare(
            counted.map((fit) => fit.accuracy),
            step,
            counted.flatMap((fit) => fit.groups),
          ),
    macroF1: over((fit) => fit.macroF1, step),
    trainingAccuracy: over((fit) => fit.trainingAccuracy),
    gap: over((fit) => fit.trainingAccuracy - fit.accuracy),
    points:
      counted.length === 0
        ? []
        : Array.from({ length: epochs }, (_, i) => ({
            seconds: mean(counted.map((fit) => fit.points[i]!.seconds)),
            score: mean(counted.map((fit) => fit.points[i]!.score)),
          })),
  };
}

function describePhotos({ labels, names, classes, groups }: StudyFolds) {
  const described = labels.map((label, c) => ({
    label,
    photos: names.filter((name) => name === label).length,
    groups: new Set(groups.filter((_, i) => classes[i] === c)).size,
  }));
  const most = described.reduce((a, b) => (b.photos > a.photos ? b : a));
  return {
    photos: { count: names.length, groups: new Set(groups).size },
    classes: described,
    majority: { label: most.label, accuracy: most.photos / names.length },
  };
}

function describePart(folds: StudyFolds, fold: number) {
  const { heldOut } = splitOf(folds, fold);
  const { label } = describePhotos(folds).majority;
  return {
    photos: heldOut.length,
    groups: new Set(heldOut.map((i) => folds.groups[i])).size,
    majorityAccuracy: heldOut.filter((i) => folds.names[i] === label).length / heldOut.length,
  };
}

/** Macro-F1 over the classes of these photos: a small fold need not contain all classes. */
function score(
  probabilities: Float64Array,
  { labels, names }: StudyFolds,
  photos: readonly number[],
): { accuracy: number; macroF1: number } {
  const truth = photos.map((i) => names[i] as string);
  const { accuracy, perClass } = labelledMetrics(probabilities, labels, truth)!;
  const present = perClass.filter(({ support }) => support > 0);
  return { accuracy, macroF1: present.reduce((sum, { f1 }) => sum + f1, 0) / present.length };
}

function byGroup(
  probabilities: Float64Array,
  { classes, groups, labels }: StudyFolds,
  photos: readonly number[],
): FoldResult['groups'] {
  const counts = new Map<number, { photos: number; right: number }>();
  photos.forEach((photo, row) => {
    const group = groups[photo]!;
    const count = counts.get(group) ?? { photos: 0, right: 0 };
    counts.set(group, count);
    count.photos++;
    const guess = indexOfLargest(probabilities, row * labels.length, labels.length);
    if (guess === classes[photo]) count.right++;
  });
  return [...counts.values()];
}

/** Median of five, because a single run may meet a busy moment of the machine. */
async function usual(work: () => Promise<unknown>): Promise<number> {
  const seconds: number[] = [];
  for (let i = 0; i < 5; i++) seconds.push(await timed(work));
  return seconds.sort((a, b) => a - b)[2]!;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}
