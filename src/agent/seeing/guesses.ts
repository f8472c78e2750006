import type { Config } from '../../config/schema.js';
import { answer, answerSettings } from '../../perception/answer.js';
import type { ScoredLabel } from '../../perception/decision.js';
import type { Perception } from '../../perception/perception.js';
import type { SampleStore } from '../../samples/store.js';

export interface GuessParts {
  /** Name of the task whose head answers. */
  task: string;
  perception: Pick<Perception<never>, 'backbone' | 'serving'>;
  samples: Pick<SampleStore, 'features'>;
  inference: Config['inference'];
}

/**
 * The most probable label of stored samples according to the serving head, from stored features.
 * Samples without features of the running backbone are left out; without a serving head, all are.
 */
export function guesses(
  { task, perception, samples, inference }: GuessParts,
  sampleIds: readonly string[],
): Map<string, ScoredLabel> {
  const { backbone } = perception;
  const serving = perception.serving(task);
  const found = new Map<string, ScoredLabel>();
  if (!backbone || !serving) return found;
  const settings = answerSettings(serving.head, inference);
  for (const [id, [features]] of samples.features(sampleIds, backbone.checksum, '', 0)) {
    const best = features && answer(serving, features, settings).decision.top[0];
    if (best) found.set(id, best);
  }
  return found;
}
