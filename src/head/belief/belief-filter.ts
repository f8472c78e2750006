import { UNKNOWN_LABEL } from '../../base/unknown-label.js';
import { indexOfLargest } from '../score.js';
import type { BeliefParameters } from './belief-parameters.js';
import { FramePace } from './frame-pace.js';
import { changeLogOdds, type Look, lookDifference } from './scene-change.js';
import { type FrameEvidence, SceneRun } from './scene-run.js';

/** What a head and the camera say of one frame. */
export interface BeliefFrame extends Look {
  /** Of the head that answered. */
  labels: readonly string[];
  /** One per label, calibrated. */
  probabilities: ArrayLike<number>;
  /** Null where the head cannot tell. */
  noveltyPValue: number | null;
  /** Milliseconds of a monotonic clock; NaN where it is not known. */
  atMs: number;
}

/** What all frames of the scene say together. */
export interface Belief {
  /** The label that is believed most, or `unknown`. */
  label: string;
  /**
   * That the label is right, 0..1: of `unknown` the belief in it, of any other label the belief in it
   * where the thing is none that the head does not know. Of a scene's first frame it is the head's
   * probability.
   */
  belief: number;
  /** That the thing is none of the head's classes, 0..1; 0 without a head that can tell. */
  unknown: number;
  /** One per label, in their order: that it is this one; with `unknown` their sum is 1. */
  labels: Float64Array;
  /** That the scene began with this frame, 0..1. */
  changeProbability: number;
  /** The scene most probably began with this frame. */
  changed: boolean;
  /** Frames of what is most probably the scene, this one among them. */
  frames: number;
}

export interface BeliefSettings {
  parameters: BeliefParameters;
  /** As `inference.unknownAlpha`; 0: nothing is called unknown. */
  unknownAlpha: number;
}

/** Possible beginnings of the scene that are kept; more are no better (bench `belief`, part train). */
const MAX_RUNS = 4;
/** Log-odds of this size are as good as certain, and no smaller ones are believed; nats. */
const CERTAIN = 5;
/** Features at this distance repeat 1/e of what the frame before said; bench `belief`. */
const REPEATING_DISTANCE = 0.6;
/** A class is never taken to be less probable: one frame alone must not rule it out. */
const LEAST_PROBABILITY = 1e-6;
/**
 * A p-value v speaks for an unknown thing by (neutral / v)^steepness. Of known things in another place
 * than the training samples' a quarter lie below 0.05 (bench/results/unknown.md), their geometric mean
 * is about 0.1: what is neutral must lie below, or the frames of a scene together would call known
 * things unknown. In units of `unknownAlpha`.
 */
const NEUTRAL_P_VALUE = 1.5;
const UNKNOWN_STEEPNESS = 0.6;
/** Smaller ones say no more, for a single frame may be out of focus. In units of `unknownAlpha`. */
const LEAST_P_VALUE = 0.02;

/**
 * A decision over time about what one camera sees: pools the frames of a scene, and notices when it
 * changes. Bayesian online changepoint detection (Adams & MacKay 2007): several possible beginnings of
 * the scene are weighed against each other, by how like consecutive pictures are and by how well
 * frames agree. Frames since a beginning are pooled log-linearly as equally correlated ones (Kish 1965,
 * the design effect); what repeats the frame before counts less. A single frame is what the head said.
 *
 * Memory: a few numbers per class, and the features of the last frame.
 */
export class BeliefFilter {
  readonly #pace = new FramePace();
  #labels: readonly string[] = [];
  #unknownLogOdds: number | null = null;
  #runs: SceneRun[] = [];
  #last: Look | null = null;

  constructor(private readonly settings: BeliefSettings) {}

  /** Takes one frame in; frames come in the order in which they were captured. */
  observe(frame: BeliefFrame): Belief {
    if (!this.#continues(frame)) this.#begin(frame);
    const evidence = this.#evidence(frame);
    const pace = this.#pace.next(frame.atMs);
    const last = this.#last;
    this.#last = { dhash: frame.dhash, features: frame.features.slice() };
    if (last) {
      const difference = lookDifference(last, frame);
      const logOdds = changeLogOdds(this.settings.parameters.change, difference) + pace;
      this.#advance(evidence, logOdds, 1 - Math.exp(-difference.distance / REPEATING_DISTANCE));
    } else {
      this.#runs = [this.#run(evidence, 0)];
    }
    return this.#belief();
  }

  /** Forgets the scene: the next frame begins one. */
  reset(): void {
    this.#runs = [];
    this.#last = null;
    this.#pace.reset();
  }

  /** Whether a frame is an answer to the same question as those before. */
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
    // So that a single frame is called unknown below `unknownAlpha`, as without a filter.
    this.#unknownLogOdds = this.#tellsUnknown(noveltyPValue)
      ? -UNKNOWN_STEEPNESS * Math.log(NEUTRAL_P_VALUE)
      : null;
  }

  #tellsUnknown(noveltyPValue: number | null): boolean {
    return noveltyPValue !== null && this.settings.unknownAlpha > 0;
  }

  #evidence({ labels, probabilities, noveltyPValue }: BeliefFrame): FrameEvidence {
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
    return { ratios, logRatios, unknownRatio };
  }

  #run(first: FrameEvidence, logWeight: number): SceneRun {
    const { correlation } = this.settings.parameters;
    return new SceneRun(first, logWeight, correlation, this.#unknownLogOdds);
  }

  /** @param logOdds of a change by the pictures. @param share as in {@link SceneRun.add}. */
  #advance(evidence: FrameEvidence, logOdds: number, share: number): void {
    if (logOdds >= CERTAIN) {
      this.#runs = [this.#run(evidence, 0)];
      return;
    }
    const change = Math.max(-CERTAIN, logOdds);
    for (const run of this.#runs) {
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
