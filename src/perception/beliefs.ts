import { type Eye, eyeOf } from '../base/words/eye.js';
import { UNKNOWN_LABEL } from '../base/words/label.js';
import { type Belief, BeliefFilter } from '../head/belief/belief-filter.js';
import { type BeliefParameters, DEFAULT_BELIEF } from '../head/belief/belief-parameters.js';
import { type GuessSettings, isGuess, type SceneDecision } from './decision.js';
import type { PerceptionTask, ServingHead, WorkerAnswer } from './perception-protocol.js';

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

/** The decisions over time, one for each task, camera and region. */
export class Beliefs {
  readonly #watched = new Map<string, Watched>();
  readonly #unknownAlpha: ReadonlyMap<string, number>;

  constructor(tasks: readonly Pick<PerceptionTask, 'name' | 'decision'>[]) {
    this.#unknownAlpha = new Map(tasks.map(({ name, decision }) => [name, decision.unknownAlpha]));
  }

  /**
   * Adds the answer of the serving head of a task to a frame; frames of one eye must come in the order
   * of capture. Other parameters than before begin a new scene.
   * @returns null when no head answered
   */
  observe(
    serving: ServingHead | null,
    { frame, dhash, startMs }: SceneFrame,
    { task, scores, decision: { noveltyPValue } }: WorkerAnswer,
    features: Float32Array,
  ): SceneDecision | null {
    // Names of tasks and eyes contain no space.
    const key = `${task} ${eyeOf(frame)}`;
    if (!serving || !scores) {
      this.#watched.delete(key);
      return null;
    }
    const { probabilities, answerProbability, point } = scores;
    const { labels, novelty } = serving.head;
    const belief = this.#filter(key, task, serving.belief ?? DEFAULT_BELIEF).observe({
      labels,
      probabilities,
      noveltyPValue,
      features,
      dhash,
      place: novelty && point ? { model: novelty, point } : null,
      atMs: startMs,
    });
    return sceneDecision(belief, { answerProbability, unproven: serving.unproven });
  }

  #filter(key: string, task: string, parameters: BeliefParameters): BeliefFilter {
    const watched = this.#watched.get(key);
    if (watched?.parameters === parameters) return watched.filter;
    const filter = new BeliefFilter({
      parameters,
      unknownAlpha: this.#unknownAlpha.get(task) ?? 0,
    });
    this.#watched.set(key, { filter, parameters });
    return filter;
  }
}

function sceneDecision(
  { label, belief, frames, changed }: Belief,
  settings: GuessSettings,
): SceneDecision {
  const guess = label !== UNKNOWN_LABEL && isGuess({ label, probability: belief }, settings);
  return { label, probability: belief, guess, frames, changed };
}
