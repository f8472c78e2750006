import { type Belief, BeliefFilter, type BeliefFrame } from '../head/belief/belief-filter.js';
import { type BeliefParameters, DEFAULT_BELIEF } from '../head/belief/belief-parameters.js';

/** What is asked of which part of which picture. */
export interface BeliefSource {
  task: string;
  camera: string;
  region: string;
}

interface Watched {
  filter: BeliefFilter;
  parameters: BeliefParameters;
}

/**
 * The decisions over time of all tasks, cameras and regions, each apart from the others: as many as the
 * configuration has.
 * @internal until tasks are wired
 */
export class Beliefs {
  readonly #byTask = new Map<string, Map<string, Watched>>();

  /** @param unknownAlpha as `inference.unknownAlpha`. */
  constructor(private readonly unknownAlpha: number) {}

  /**
   * Takes in what the head of a task says to a frame; frames of one source come in the order in which
   * they were captured.
   * @param parameters of that head; absent: it has learnt none. With others the scene begins anew.
   */
  observe(
    { task, camera, region }: BeliefSource,
    frame: BeliefFrame,
    parameters: BeliefParameters = DEFAULT_BELIEF,
  ): Belief {
    const key = JSON.stringify([camera, region]);
    const ofTask = this.#byTask.get(task) ?? new Map<string, Watched>();
    this.#byTask.set(task, ofTask);
    let watched = ofTask.get(key);
    if (watched?.parameters !== parameters) {
      const filter = new BeliefFilter({ parameters, unknownAlpha: this.unknownAlpha });
      watched = { filter, parameters };
      ofTask.set(key, watched);
    }
    return watched.filter.observe(frame);
  }

  /** While no head answers a task, nothing is believed: its scenes begin anew. */
  forget(task: string): void {
    this.#byTask.delete(task);
  }
}
