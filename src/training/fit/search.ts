import { setImmediate as nextTurn } from 'node:timers/promises';
import { isHeadlandError } from '../../base/errors.js';
import type { FeatureTransform, LearnerName } from '../../head/head.js';
import { fitRidge } from '../../head/learners/ridge.js';
import { macroWeights } from '../../head/learners/select.js';
import { fitSoftmaxWith, type SoftmaxEngine } from '../../head/learners/softmax.js';
import {
  type ProductRequest,
  type ProjectedSet,
  projectionSteps,
} from '../../head/learners/subspace.js';
import {
  groupingOf,
  judgedRows,
  type LinearFit,
  type TrainingSet,
} from '../../head/training-set.js';
import type { TrainingCandidate } from '../report.js';
import {
  blended,
  blendMembers,
  blendParts,
  calibrated,
  type FittedRecipe,
  type Learner,
} from './recipes.js';
import { fitTfLayers } from './tf-learner.js';

/** Most promising first; measured by bench accuracy. */
const TRANSFORMS: readonly FeatureTransform[] = ['l2', 'none', 'sqrt-l2', 'sqrt'];
/**
 * A recipe must be better than a preferred one by this many standard errors. Left-out groups come
 * from the same place as the others, so they only partly show which recipe carries over to another
 * place.
 */
const STANDARD_ERRORS = 2;
/** With equal evidence the earlier one is kept. */
const PREFERRED: readonly LearnerName[] = ['blend', 'softmax', 'ridge', 'tf-layers'];

/** Members of a blend, in the order in which they are fitted. */
const LINEAR_LEARNERS = ['ridge', 'softmax'] as const;

/** Computes the matrix products of the fits. */
export interface FitEngine extends SoftmaxEngine {
  product(request: ProductRequest): Promise<Float32Array>;
}

export interface SearchOptions {
  /**
   * `tf-layers` is tried last, on the best transform and whatever the budget, because it was
   * requested.
   */
  learners: readonly LearnerName[];
  /**
   * After this time no further recipe begins and an unfinished softmax is abandoned; the first
   * always ends.
   */
  budgetMs: number;
  engine: FitEngine;
  transforms?: readonly FeatureTransform[];
  /** Monotonic time that the budget counts, milliseconds; default `performance.now()`. */
  nowMs?: () => number;
  /** Called after each step with the number of finished steps and of all steps. */
  onCandidate?: (done: number, total: number) => void;
}

export interface SearchResult {
  chosen: FittedRecipe;
  /** Every recipe that was tried, in the order of trial. */
  table: TrainingCandidate[];
  /** The same recipes, fitted. */
  recipes: FittedRecipe[];
}

/**
 * Tries recipes, the most promising first, until the budget is spent: λ (inside each learner) x
 * transform x learner, on all views; on the preferred transform, and on a better one, also on the
 * originals alone.
 *
 * The choice: recipes have an order of preference (blend before softmax before ridge, l2 before
 * none before roots, views before none). A later recipe replaces the current one only when its
 * class-balanced left-out log-loss is smaller by more than two standard errors of the difference
 * between groups (after the one-standard-error rule of Breiman et al. 1984, but paired and by
 * cluster). With few groups, the smallest of a dozen log-losses is the luckiest, not the best. The
 * first recipe, a blend over learners and views, averages what the evidence cannot decide.
 */
export async function searchRecipes(
  set: TrainingSet,
  options: SearchOptions,
): Promise<SearchResult> {
  const { budgetMs, engine, onCandidate = () => {}, nowMs = () => performance.now() } = options;
  const learners = options.learners.filter((learner) => learner !== 'tf-layers');
  const withTfLayers = learners.length < options.learners.length;
  const deadline = nowMs() + budgetMs;
  const transforms = learners.length > 0 ? (options.transforms ?? TRANSFORMS) : [];
  const total = transforms.length + (withTfLayers ? 1 : 0);
  const tried: Tried[] = [];
  const linear = new Map<FeatureTransform, FittedRecipe[]>();
  const parts = blendParts(set);
  const tryOn = async (transform: FeatureTransform, on: TrainingSet[], isFirst: boolean) => {
    const members = linear.get(transform) ?? [];
    linear.set(transform, members);
    const time = { deadline, isFirst, nowMs };
    for await (const one of tryTransform(set, on, transform, learners, engine, time, members)) {
      tried.push(one);
      // A fit blocks this process; here it can notice that its parent is gone.
      await nextTurn();
    }
  };
  for (const [done, transform] of transforms.entries()) {
    if (done > 0 && nowMs() >= deadline) break;
    // Views alone are enough to show whether another transform is better than the preferred one.
    await tryOn(transform, done === 0 ? parts : [set], done === 0);
    onCandidate(done + 1, total);
  }
  const leader = tried.length > 0 ? chooseRecipe(set, recipesOf(tried)) : null;
  if (leader && leader.fit.transform !== transforms[0] && parts.length > 1) {
    const views = tried.findIndex(({ recipe }) => recipe === leader && recipe.learner === 'blend');
    await tryOn(leader.fit.transform, parts.slice(1), false);
    // The blend of both parts replaces it.
    if (views >= 0 && tried.at(-1)?.recipe.learner === 'blend') tried.splice(views, 1);
  }
  if (withTfLayers) {
    const startedAt = nowMs();
    const soFar = recipesOf(tried);
    const transform = soFar.length > 0 ? chooseRecipe(set, soFar).fit.transform : 'sqrt-l2';
    const recipe = calibrated(set, 'tf-layers', await fitTfLayers(set, { transform }));
    tried.push({ recipe, durationMs: nowMs() - startedAt });
  }
  onCandidate(total, total);
  const recipes = recipesOf(tried);
  const chosen = chooseRecipe(set, recipes);
  const table = tried.map(({ recipe, durationMs }): TrainingCandidate => {
    const { learner, fit, temperature, macroLogLoss, macroF1 } = recipe;
    return {
      learner,
      transform: fit.transform,
      views: recipe.views,
      lambda: fit.lambda,
      temperature,
      macroLogLoss,
      macroF1,
      durationMs,
      chosen: recipe === chosen,
    };
  });
  return { chosen, table, recipes };
}

/** A recipe and how long it took. */
interface Tried {
  recipe: FittedRecipe;
  durationMs: number;
}

/**
 * Recipes on one transform: ridge and softmax on each part, the blend of the originals alone, and
 * the blend of all members. Recipes beyond the deadline are left out, but one recipe on the first
 * transform always ends.
 *
 * @param parts of the set: all views, the originals alone, or both.
 * @param members Linear recipes on this transform so far; those of the parts are added.
 */
async function* tryTransform(
  set: TrainingSet,
  parts: readonly TrainingSet[],
  transform: FeatureTransform,
  learners: readonly Learner[],
  engine: FitEngine,
  { deadline, isFirst, nowMs }: { deadline: number; isFirst: boolean; nowMs: () => number },
  members: FittedRecipe[],
): AsyncGenerator<Tried> {
  const blends = learners.includes('blend');
  const wanted = LINEAR_LEARNERS.filter((learner) => blends || learners.includes(learner));
  const laps = new Laps(deadline, isFirst, nowMs);
  for (const part of parts) {
    if (part !== set && nowMs() >= deadline) break;
    const projected = await projectWith(engine, part, transform);
    const own: FittedRecipe[] = [];
    for (const learner of wanted) {
      const recipe = await fitLinear(learner, part, projected, engine, laps);
      if (!recipe) break;
      own.push(recipe);
      if (learners.includes(learner)) yield laps.end(recipe);
    }
    if (own.length < wanted.length) break;
    members.push(...own);
    if (blends && part !== set) yield laps.end(blended(part, own));
  }
  if (blends && members.length > 0) yield laps.end(blended(set, members));
}

/** Measures the duration of one recipe after the other. */
class Laps {
  #startedAt: number;
  #deadline: number | null;

  /** @param firstMustEnd The first recipe has no deadline. */
  constructor(
    private readonly laterDeadline: number,
    firstMustEnd: boolean,
    private readonly nowMs: () => number,
  ) {
    this.#startedAt = nowMs();
    this.#deadline = firstMustEnd ? null : laterDeadline;
  }

  /** Whether the recipe in work has run out of time. */
  get isOver(): boolean {
    return this.#deadline !== null && this.nowMs() >= this.#deadline;
  }

  end(recipe: FittedRecipe): Tried {
    const durationMs = this.nowMs() - this.#startedAt;
    this.#startedAt = this.nowMs();
    this.#deadline = this.laterDeadline;
    return { recipe, durationMs };
  }
}

/** Null when the deadline came first. */
async function fitLinear(
  learner: (typeof LINEAR_LEARNERS)[number],
  part: TrainingSet,
  projected: ProjectedSet,
  engine: FitEngine,
  laps: Laps,
): Promise<FittedRecipe | null> {
  const fit =
    learner === 'ridge'
      ? fitRidge(projected.set, { transform: 'none' })
      : await fitUntil(projected, engine, laps);
  return fit && calibrated(part, learner, projected.lift(fit));
}

function recipesOf(tried: readonly Tried[]): FittedRecipe[] {
  return tried.map(({ recipe }) => recipe);
}

/**
 * Fits one linear recipe with the λ that a search has found, with the engine's products: the same
 * recipe as in the search, to rounding. For a blend, `lambda` is that of its softmax on all views;
 * the other members find their own.
 */
export async function fitRecipeWith(
  engine: FitEngine,
  set: TrainingSet,
  learner: Learner,
  transform: FeatureTransform,
  lambda: number,
): Promise<FittedRecipe> {
  const every = { transform: 'none' } as const;
  const one = { ...every, lambdas: [lambda] };
  const fit = async (part: TrainingSet, member: 'ridge' | 'softmax', options: typeof every) => {
    const { set: reduced, lift } = await projectWith(engine, part, transform);
    const fitted =
      member === 'ridge'
        ? fitRidge(reduced, options)
        : await fitSoftmaxWith(engine, reduced, options);
    return calibrated(part, member, lift(fitted));
  };
  if (learner !== 'blend') return fit(set, learner, one);
  const members: FittedRecipe[] = [];
  for (const { part, member } of blendMembers(set)) {
    members.push(await fit(part, member, part === set && member === 'softmax' ? one : every));
  }
  return blended(set, members);
}

/** The set in its principal directions, with the engine's products. */
export async function projectWith(
  engine: FitEngine,
  set: TrainingSet,
  transform: FeatureTransform,
): Promise<ProjectedSet> {
  const steps = projectionSteps(set, transform);
  let step = steps.next();
  while (!step.done) step = steps.next(await engine.product(step.value));
  return step.value;
}

/** Null when the deadline came first. */
async function fitUntil(
  { set }: ProjectedSet,
  engine: FitEngine,
  laps: Laps,
): Promise<LinearFit | null> {
  if (laps.isOver) return null;
  const over = new AbortController();
  const { signal } = over;
  const timed: FitEngine = {
    product: (request) => engine.product(request),
    evaluate: (...step) => {
      if (laps.isOver) over.abort();
      return engine.evaluate(...step);
    },
  };
  try {
    return await fitSoftmaxWith(timed, set, { transform: 'none', signal });
  } catch (error) {
    if (signal.aborted && isHeadlandError(error, 'HL_TRAINING_CANCELLED')) return null;
    throw error;
  }
}

/** The rule of {@link searchRecipes}, on recipes fitted on `set` or on fewer of its views. */
export function chooseRecipe(set: TrainingSet, tried: readonly FittedRecipe[]): FittedRecipe {
  const rank = ({ learner, fit, views }: FittedRecipe): number =>
    PREFERRED.indexOf(learner) + 10 * TRANSFORMS.indexOf(fit.transform) - 100 * views;
  const [first, ...others] = [...tried].sort((a, b) => rank(a) - rank(b));
  if (!first) throw new RangeError('no learner');
  return others.reduce((held, other) => (isBetter(set, other, held) ? other : held), first);
}

function isBetter(set: TrainingSet, other: FittedRecipe, held: FittedRecipe): boolean {
  const grouping = groupingOf(set);
  const { judged, labels } = judgedRows(set, grouping);
  const known = judged.map((row) => labels[row] as number);
  const weights = macroWeights(known, set.classCount);
  const originalGroups = set.groups.filter((_, row) => set.isView[row] === 0);
  const byGroup = new Map<number, number>();
  let gain = 0;
  judged.forEach((row, i) => {
    const at = row * set.classCount + (known[i] as number);
    const p = Math.max(other.leaveGroupOutProbabilities[at] as number, Number.EPSILON);
    const q = Math.max(held.leaveGroupOutProbabilities[at] as number, Number.EPSILON);
    const difference = (weights[i] as number) * Math.log(p / q);
    gain += difference;
    const group = grouping.kind === 'row' ? row : (originalGroups[row] as number);
    byGroup.set(group, (byGroup.get(group) ?? 0) + difference);
  });
  const mean = gain / byGroup.size;
  let squares = 0;
  for (const part of byGroup.values()) squares += (part - mean) ** 2;
  return gain > STANDARD_ERRORS * Math.sqrt(squares);
}
