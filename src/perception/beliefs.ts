import { type Eye, eyeOf } from '../base/words/eye.js';
import { UNKNOWN_LABEL } from '../base/words/label.js';
import { type Belief, BeliefFilter } from '../head/belief/belief-filter.js';
import { type BeliefParameters, DEFAULT_BELIEF } from '../head/belief/belief-parameters.js';
import type { DecisionSettings, SceneDecision } from './decision.js';
import type { Seen, ServingHead } from './perception-protocol.js';

/** The part of a frame that shows which scene it belongs to. */
interface SceneFrame {
  frame: Eye;
  /** 16 hex digits. */
  dhash: string;
  /** Milliseconds of a monotonic clock. */
  startMs: number;
}

interface Watched {
  filter: BeliefFilter;
  parameters: BeliefParameters;
}

/** The decisions over time, one for each camera and region. */
export class Beliefs {
  readonly #byEye = new Map<string, Watched>();

  constructor(private readonly settings: Pick<DecisionSettings, 'unknownAlpha'>) {}

  /**
   * Adds the answer of the serving head to a frame; frames of one eye must come in the order of
   * capture. Other parameters than before begin a new scene.
   * @returns null when no head answered
   */
  observe(
    serving: ServingHead | null,
    { frame, dhash, startMs }: SceneFrame,
    { scores, features, decision: { noveltyPValue } }: Seen,
  ): SceneDecision | null {
    const eye = eyeOf(frame);
    if (!serving || !scores) {
      this.#byEye.delete(eye);
      return null;
    }
    const { probabilities, answerProbability, point } = scores;
    const { labels, novelty } = serving.head;
    const belief = this.#filter(eye, serving.belief ?? DEFAULT_BELIEF).observe({
      labels,
      probabilities,
      noveltyPValue,
      features,
      dhash,
      place: novelty && point ? { model: novelty, point } : null,
      atMs: startMs,
    });
    return sceneDecision(belief, answerProbability);
  }

  #filter(eye: string, parameters: BeliefParameters): BeliefFilter {
    const watched = this.#byEye.get(eye);
    if (watched?.parameters === parameters) return watched.filter;
    const { unknownAlpha } = this.settings;
    const filter = new BeliefFilter({ parameters, unknownAlpha });
    this.#byEye.set(eye, { filter, parameters });
    return filter;
  }
}

function sceneDecision(
  { label, belief, frames, changed }: Belief,
  answerProbability: number,
): SceneDecision {
  const guess = label !== UNKNOWN_LABEL && belief < answerProbability;
  return { label, probability: belief, guess, frames, changed };
}
