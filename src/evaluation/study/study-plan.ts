import type { StudyPlan } from './study-types.js';
import type { Variant } from './study-variants.js';

/** Time to fit a head to cached features, seconds per training row, measured on a slow core. */
const FIT_SECONDS_PER_ROW = 0.006;
/** Share of the budget that is planned: a machine with other work is slower than measured. */
const PLANNED_SHARE = 0.85;
/**
 * Fewer folds are run before fewer epochs than this: a network that has not learnt shows nothing.
 */
const FEWEST_EPOCHS = 10;
/** A single fold has no standard error. */
const FEWEST_FOLDS = 2;
/** Share of the budget for forward passes; above it fewer views are made. */
const FORWARD_SHARE = 0.5;

/** Measured on this machine, seconds. */
export interface Costs {
  /** One gradient step on one batch. */
  step: number;
  /** Forward pass of the network, one photo. */
  predict: number;
  /** One augmentation, one photo. */
  augment: number;
  /** Forward pass of the backbone, one photo. */
  forward: number;
}

export interface Wanted {
  variants: readonly Variant[];
  photos: number;
  batch: number;
  folds: number;
  epochs: number;
  views: number;
  budgetSeconds: number;
}

/**
 * First reduces the epochs, down to ten, then the folds, down to two, then the epochs again.
 * Reduces the views where their forward passes alone would take half of the budget.
 */
export function planStudy(costs: Costs, wanted: Wanted): StudyPlan {
  const { variants, photos, epochs: asked, budgetSeconds } = wanted;
  const hasBackbone = variants.some(({ kind }) => kind === 'backbone');
  const passes = (FORWARD_SHARE * budgetSeconds) / (photos * costs.forward);
  const views = hasBackbone
    ? Math.max(0, Math.min(wanted.views, Math.floor(passes) - 1))
    : wanted.views;
  const priced = { ...wanted, views };
  const available = PLANNED_SHARE * budgetSeconds;
  const total = (folds: number, epochs: number): number =>
    folds * foldSeconds(costs, priced, epochs) + embedSeconds(costs, priced);
  for (let folds = wanted.folds; ; folds--) {
    const none = total(folds, 0);
    const each = total(folds, 1) - none;
    const fitting = each > 0 ? Math.floor((available - none) / each) : asked;
    if (fitting < Math.min(asked, FEWEST_EPOCHS) && folds > FEWEST_FOLDS) continue;
    const epochs = Math.max(1, Math.min(asked, fitting));
    return {
      epochs,
      folds,
      views,
      seconds: total(folds, epochs),
      embedSeconds: embedSeconds(costs, priced),
      foldSeconds: foldSeconds(costs, priced, epochs),
      perVariant: Object.fromEntries(
        variants.map((variant) => {
          const fits = folds * fitSeconds(variant, costs, priced, epochs);
          const extra = variant.kind === 'backbone' ? embedSeconds(costs, priced) : 0;
          return [variant.id, fits + extra];
        }),
      ),
    };
  }
}

/** Forward passes of all photos, once for all folds. */
function embedSeconds({ forward }: Costs, { variants, photos, views }: Wanted): number {
  const wanted = variants.some(({ kind }) => kind === 'backbone');
  return wanted ? photos * (1 + views) * forward : 0;
}

function foldSeconds(costs: Costs, wanted: Wanted, epochs: number): number {
  return wanted.variants.reduce(
    (sum, variant) => sum + fitSeconds(variant, costs, wanted, epochs),
    0,
  );
}

/** One variant in one fold. */
function fitSeconds(variant: Variant, costs: Costs, wanted: Wanted, epochs: number): number {
  const heldOut = wanted.photos / wanted.folds;
  const training = wanted.photos - heldOut;
  if (variant.kind === 'backbone') return training * (1 + wanted.views) * FIT_SECONDS_PER_ROW;
  const { step, predict, augment } = costs;
  const epoch =
    (training / wanted.batch) * step +
    heldOut * predict +
    (variant.augmentation ? training * augment : 0);
  return epochs * epoch + training * predict;
}

/** The progress of a study, by the plan and by the clock. */
export class StudyClock {
  readonly #startedAt = performance.now();
  #done = 0;
  #total: number;

  constructor(
    readonly plan: StudyPlan,
    /** performance.now() at which everything ends. */
    readonly deadline: number,
  ) {
    this.#total = plan.seconds;
  }

  /** Seconds of the plan. */
  get total(): number {
    return this.#total;
  }

  /** Adds work beyond the plan. @param seconds of the plan */
  extend(seconds: number): void {
    this.#total += seconds;
  }

  /** Finished seconds of the plan. */
  get done(): number {
    return this.#done;
  }

  /** Adds finished work. @param seconds of the plan */
  add(seconds: number): void {
    this.#done += seconds;
  }

  /** Whether this many seconds of the plan end before the deadline, at the pace so far. */
  fits(planned: number): boolean {
    return this.#expected(planned) < this.#untilDeadline();
  }

  /** Seconds until the end, at most until the deadline. */
  left(): number {
    return Math.min(this.#untilDeadline(), this.#expected(Math.max(0, this.#total - this.#done)));
  }

  #expected(planned: number): number {
    const elapsed = (performance.now() - this.#startedAt) / 1_000;
    return planned * (this.#done > 0 ? elapsed / this.#done : 1);
  }

  #untilDeadline(): number {
    return Math.max(0, (this.deadline - performance.now()) / 1_000);
  }
}
