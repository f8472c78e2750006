import { UNKNOWN_LABEL } from '../../base/words/label.js';
import { indexOfLargest } from '../score.js';
import type { BeliefParameters } from './belief-parameters.js';
import { FramePace } from './frame-pace.js';
import type { FramePlace } from './scene-centre.js';
import {
  imageLogOdds,
  type Look,
  type LookDifference,
  lookDifference,
  sceneLogOdds,
} from './scene-change.js';
import { type FrameEvidence, LEAST_PROBABILITY, SceneRun } from './scene-run.js';

/** The answer of a head to one frame, and the look of the frame. */
export interface BeliefFrame extends Look {
  /** Labels of the head that answered. */
  labels: readonly string[];
  /** One per label, calibrated. */
  probabilities: ArrayLike<number>;
  /** Null when the head has no novelty model. */
  noveltyPValue: number | null;
  /** Null when the head has no novelty model. */
  place: FramePlace | null;
  /** Milliseconds of a monotonic clock; NaN when unknown. */
  atMs: number;
}

/** The joint result of all frames of the scene. */
export interface Belief {
  /** The most probable label, or `unknown`. */
  label: string;
  /**
   * Probability that the label is right, 0..1. For `unknown`, the belief in it; for any other
   * label, the belief in it given that the thing is not unknown. For the first frame of a scene,
   * the head's probability.
   */
  belief: number;
  /** Probability that the thing is none of the head's classes, 0..1; 0 without a novelty model. */
  unknown: number;
  /** Probability of each label, in the order of labels; together with `unknown` they sum to 1. */
  labels: Float64Array;
  /** Probability that the scene began with this frame, 0..1. */
  changeProbability: number;
  /** The scene most probably began with this frame. */
  changed: boolean;
  /** Number of frames of the most probable scene, including this one. */
  frames: number;
}

export interface BeliefSettings {
  parameters: BeliefParameters;
  /** The setting `inference.unknownAlpha`; 0: no frame is called unknown. */
  unknownAlpha: number;
}

/** Possible beginnings of the scene that are kept; more are no better (bench `belief`, part train). */
const MAX_RUNS = 4;
/** Larger log-odds are cut to this size; nats. */
const CERTAIN = 5;
/**
 * At this distance of features, a frame repeats 1/e of the evidence of the frame before; bench
 * `belief`.
 */
const REPEATING_DISTANCE = 0.6;
/**
 * A p-value v multiplies the odds of an unknown thing by (neutral / v)^steepness. Of known things
 * in another place than that of the training samples, a quarter lie below 0.05
 * (bench/results/unknown.md) and the geometric mean is about 0.1. The neutral value must lie below
 * that, or the frames of a scene together would call known things unknown. In units of
 * `unknownAlpha`.
 */
const NEUTRAL_P_VALUE = 1.5;
const UNKNOWN_STEEPNESS = 0.6;
/**
 * Smaller p-values are cut to this: a single frame may be out of focus. In units of `unknownAlpha`.
 */
const LEAST_P_VALUE = 0.02;

/**
 * A decision over time for one camera: pools the frames of a scene and detects when the scene
 * changes. Bayesian online changepoint detection (Adams & MacKay 2007) weighs several possible
 * beginnings of the scene by the distance of a frame from those before and the agreement of answers.
 * Frames since a beginning are pooled log-linearly as equally correlated (Kish 1965, the design
 * effect); what repeats the frame before counts less. For a single frame the result is that of the
 * head.
 *
 * Memory: a few numbers per class, a point of the subspace per beginning, and the features of the
 * last frame.
 */
export class BeliefFilter {
  readonly #pace = new FramePace();
  #labels: readonly string[] = [];
  #unknownLogOdds: number | null = null;
  #runs: SceneRun[] = [];
  #last: Look | null = null;

  constructor(private readonly settings: BeliefSettings) {}

  /** Adds one frame; frames must come in the order of capture. */
  observe(frame: BeliefFrame): Belief {
    if (!this.#continues(frame)) this.#begin(frame);
    const evidence = this.#evidence(frame);
    const pace = this.#pace.next(frame.atMs);
    const last = this.#last;
    this.#last = { dhash: frame.dhash, features: frame.features.slice() };
    if (last) {
      this.#advance(evidence, lookDifference(last, frame), pace);
    } else {
      this.#runs = [this.#run(evidence, 0)];
    }
    return this.#belief();
  }

  /** Forgets the scene: the next frame begins a new one. */
  reset(): void {
    this.#runs = [];
    this.#last = null;
    this.#pace.reset();
  }

  /** Whether a frame answers the same question as the frames before. */
  #continues({ labels, features, noveltyPValue }: BeliefFrame): boolean {
    const last = this.#last;
    if (!last || last.features.length !== features.length) return false;
    if ((this.#unknownLogOdds !== null) !== this.#tellsUnknown(noveltyPValue)) return false;
    const known = this.#labels;
    if (known === labels) return true;
    return known.length === labels.length && known.every((label, c) => label === labels[c]);
  }

  #begin({ labels, noveltyPValue }: BeliefFrame): void {
    this.reset();
    this.#labels = labels;
    // Chosen so that a single frame is called unknown below `unknownAlpha`, as without a filter.
    this.#unknownLogOdds = this.#tellsUnknown(noveltyPValue)
      ? -UNKNOWN_STEEPNESS * Math.log(NEUTRAL_P_VALUE)
      : null;
  }

  #tellsUnknown(noveltyPValue: number | null): boolean {
    return noveltyPValue !== null && this.settings.unknownAlpha > 0;
  }

  #evidence({ labels, probabilities, noveltyPValue, place }: BeliefFrame): FrameEvidence {
    if (probabilities.length !== labels.length) {
      throw new RangeError(`${probabilities.length} probabilities for ${labels.length} labels`);
    }
    const count = labels.length;
    const ratios = new Float64Array(count);
    const logRatios = new Float64Array(count);
    for (let c = 0; c < count; c++) {
      const p = probabilities[c]!;
      ratios[c] = count * (p > LEAST_PROBABILITY ? p : LEAST_PROBABILITY);
      logRatios[c] = Math.log(ratios[c]!);
    }
    const strangeness = (noveltyPValue ?? 1) / this.settings.unknownAlpha;
    const unknownRatio =
      this.#unknownLogOdds === null
        ? 1
        : (NEUTRAL_P_VALUE / Math.max(strangeness, LEAST_P_VALUE)) ** UNKNOWN_STEEPNESS;
    return { ratios, logRatios, unknownRatio, place };
  }

  #run(first: FrameEvidence, logWeight: number): SceneRun {
    const { correlation } = this.settings.parameters;
    return new SceneRun(first, logWeight, correlation, this.#unknownLogOdds);
  }

  /** @param pace what the gap before the frame adds to the log-odds of a change. */
  #advance(evidence: FrameEvidence, difference: LookDifference, pace: number): void {
    const { sceneChange } = this.settings.parameters;
    const logOdds = this.#runs.map((run) => {
      const distance = run.distanceOf(evidence);
      return (
        pace + (distance === null ? imageLogOdds(difference) : sceneLogOdds(sceneChange, distance))
      );
    });
    if (Math.min(...logOdds) >= CERTAIN) {
      this.#runs = [this.#run(evidence, 0)];
      return;
    }
    const share = 1 - Math.exp(-difference.distance / REPEATING_DISTANCE);
    for (const [i, run] of this.#runs.entries()) {
      const change = Math.min(CERTAIN, Math.max(-CERTAIN, logOdds[i]!));
      run.logWeight += Math.log(run.likelihoodRatio(evidence)) - change;
      run.add(evidence, share);
    }
    this.#runs.push(this.#run(evidence, 0));
    this.#runs.sort((a, b) => b.logWeight - a.logWeight);
    this.#runs.length = Math.min(this.#runs.length, MAX_RUNS);
    const largest = this.#runs[0]!.logWeight;
    let sum = 0;
    for (const run of this.#runs) sum += Math.exp(run.logWeight - largest);
    for (const run of this.#runs) run.logWeight -= largest + Math.log(sum);
  }

  #belief(): Belief {
    const labels = new Float64Array(this.#labels.length);
    let unknown = 0;
    for (const run of this.#runs) {
      const weight = Math.exp(run.logWeight);
      unknown += weight * run.unknown;
      const isKnown = weight * (1 - run.unknown);
      for (let c = 0; c < labels.length; c++) labels[c]! += isKnown * run.known[c]!;
    }
    const best = indexOfLargest(labels, 0, labels.length);
    const isUnknown = unknown > 0.5;
    const youngest = this.#runs.find(({ frames }) => frames === 1);
    return {
      label: isUnknown ? UNKNOWN_LABEL : this.#labels[best]!,
      belief: isUnknown ? unknown : labels[best]! / (1 - unknown),
      unknown,
      labels,
      changeProbability: youngest ? Math.exp(youngest.logWeight) : 0,
      changed: this.#runs[0] === youngest,
      frames: this.#runs[0]!.frames,
    };
  }
}
