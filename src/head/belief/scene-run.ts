import { indexOfLargest, softmaxRows } from '../score.js';
import { type FramePlace, SceneCentre } from './scene-centre.js';

/** Floor of a class probability: one frame alone must not rule a class out. */
export const LEAST_PROBABILITY = 1e-6;

/** The evidence of one frame, relative to no knowledge. */
export interface FrameEvidence {
  /** p_c C for each class: by how much the frame raises its probability. */
  ratios: Float64Array;
  /** ln of `ratios`. */
  logRatios: Float64Array;
  /** Likelihood ratio of its novelty for an unknown thing against a known one. */
  unknownRatio: number;
  /** Null when the head has no novelty model. */
  place: FramePlace | null;
}

/** The pooled frames since one possible beginning of the scene. */
export class SceneRun {
  /** ln of the probability that the scene began with the first frame of this run. */
  logWeight: number;
  frames = 1;
  /** Number of frames, where a repeating frame counts by the share that is new. */
  #looks = 1;
  readonly #logRatios: Float64Array;
  #unknownLogRatio: number;
  readonly #known: Float64Array;
  #unknown = 0;
  readonly #centre = new SceneCentre();

  constructor(
    first: FrameEvidence,
    logWeight: number,
    private readonly correlation: number,
    /** ln of the prior odds that a thing is unknown; null: nothing is called unknown. */
    private readonly unknownLogOdds: number | null,
  ) {
    this.logWeight = logWeight;
    this.#logRatios = first.logRatios.slice();
    this.#unknownLogRatio = Math.log(first.unknownRatio);
    this.#known = new Float64Array(first.logRatios.length);
    this.#pool();
    this.#centre.add(first.place);
  }

  /** Belief in each class given that the thing is known, sum 1; overwritten by the next frame. */
  get known(): Float64Array {
    return this.#known;
  }

  /** Belief that the thing is unknown, 0..1. */
  get unknown(): number {
    return this.#unknown;
  }

  /** @param share of the frame that is new since the one before, 0..1. */
  add({ logRatios, unknownRatio, place }: FrameEvidence, share: number): void {
    for (let c = 0; c < logRatios.length; c++) this.#logRatios[c]! += logRatios[c]!;
    this.#unknownLogRatio += Math.log(unknownRatio);
    this.#looks += share;
    this.frames += 1;
    this.#pool();
    this.#centre.add(place);
  }

  /** Distance of a frame from this run as in {@link SceneCentre}, for its most probable class. */
  distanceOf({ place }: FrameEvidence): number | null {
    return this.#centre.distanceOf(place, indexOfLargest(this.#known, 0, this.#known.length));
  }

  /** Likelihood ratio of a frame if this run goes on against the beginning of a new scene. */
  likelihoodRatio({ ratios, unknownRatio }: FrameEvidence): number {
    let known = 0;
    for (let c = 0; c < ratios.length; c++) known += this.#known[c]! * ratios[c]!;
    if (this.unknownLogOdds === null) return known;
    const prior = sigmoid(this.unknownLogOdds);
    const goesOn = (1 - this.#unknown) * known + this.#unknown * unknownRatio;
    return goesOn / (1 - prior + prior * unknownRatio);
  }

  /**
   * The mean of what the frames say, as many times as independent frames would say it: k equally
   * correlated looks count as k / (1 + (k - 1) correlation).
   */
  #pool(): void {
    const independent = this.#looks / (1 + (this.#looks - 1) * this.correlation);
    const discount = independent / this.frames;
    this.#known.set(this.#logRatios);
    softmaxRows(this.#known, this.#known.length, discount);
    if (this.unknownLogOdds === null) return;
    this.#unknown = sigmoid(this.unknownLogOdds + discount * this.#unknownLogRatio);
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
