import { UNKNOWN_LABEL } from '../../src/base/words/label.js';
import type { Config } from '../../src/config/schema.js';
import { answer, answerSettings } from '../../src/perception/answer.js';
import { isNovel } from '../../src/perception/decision.js';
import type { ServingHead } from '../../src/perception/perception-protocol.js';
import { type DecisionScores, noHead, scoresOf } from './life-metrics.js';

/** Test photos as perception sees them. */
export interface Examination {
  /** Every class of the set. */
  classes: readonly string[];
  /** Those that the photos are of. */
  alive: readonly string[];
  /** Class of each photo, an index into `classes`. */
  truth: readonly number[];
  features: readonly Float32Array[];
}

/** Asks a head as the daemon does, one frame after the other, at the given settings. */
export function askHead(
  serving: ServingHead | null,
  { classes, alive, truth, features }: Examination,
  inference: Config['inference'],
): DecisionScores {
  const n = truth.length;
  if (!serving) return noHead(n, alive);
  // More labels in the answer change nothing but its length.
  const settings = answerSettings(serving.head, { ...inference, topK: classes.length });
  const probabilities = new Float64Array(n * classes.length);
  const tally = { answered: 0, right: 0, known: 0, unknown: 0, novel: 0 };
  const knows = new Set(serving.head.labels);
  features.forEach((vector, i) => {
    const { decision } = answer(serving, vector, settings);
    for (const { label, probability } of decision.top) {
      probabilities[i * classes.length + classes.indexOf(label)] = probability;
    }
    const label = classes[truth[i]!]!;
    const isUnknown = decision.label === UNKNOWN_LABEL;
    if (!isUnknown) tally.answered += 1;
    if (decision.label === label) tally.right += 1;
    if (!knows.has(label)) return;
    tally.known += 1;
    if (isUnknown) tally.unknown += 1;
    if (isNovel(decision.noveltyPValue, settings)) tally.novel += 1;
  });
  return {
    ...scoresOf(probabilities, truth, classes, alive),
    answered: tally.answered / n,
    rightAndAnswered: tally.right / n,
    falseUnknown: tally.unknown / Math.max(1, tally.known),
    falseNovel: tally.novel / Math.max(1, tally.known),
  };
}
