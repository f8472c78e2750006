import { type Belief, BeliefFilter, type BeliefFrame } from '../head/belief/belief-filter.js';
import { type BeliefParameters, DEFAULT_BELIEF } from '../head/belief/belief-parameters.js';

/** A task on a region of a camera. */
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
 * The separate decisions over time of all tasks, cameras and regions in the configuration.
 * @internal until tasks are wired
 */
export class Beliefs {
  readonly #byTask = new Map<string, Map<string, Watched>>();

  /** @param unknownAlpha The setting `inference.unknownAlpha`. */
  constructor(private readonly unknownAlpha: number) {}

  /**
   * Adds the answer of a task's head to a frame; frames of one source must come in the order of
   * capture.
   * @param parameters of that head; absent: it has learnt none. Other parameters begin a new scene.
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

  /** Ends the scenes of a task that no head answers. */
  forget(task: string): void {
    this.#byTask.delete(task);
  }
}
