import type { SampleAnswer } from '../../gate/answers/sample-answer.js';
import type { EvidenceSample } from '../../gate/evidence.js';
import { headAnswers } from '../../gate/scorecard.js';
import { indexOfLargest } from '../../head/score.js';
import { groupingOf, judgedRows, type TrainingSet } from '../../head/training-set.js';
import type { Collected, LabelledSample } from '../data/collect.js';

/** An answer without what depends on where it comes from. */
export type BareAnswer = Omit<SampleAnswer, 'holdout' | 'knowable' | 'judged' | 'champion'>;

export interface AnsweredSamples {
  collected: Collected;
  set: TrainingSet;
  /** n x labels, row-major: of the training samples, each without its group. */
  leaveGroupOut: Float64Array;
  /** n x labels, row-major: of the holdout samples, by the new head. */
  onHoldout: Float64Array;
  /** By holdout sample, false for near-duplicates of an earlier one. */
  holdoutFirsts: readonly boolean[];
  /** The samples on which the gate compared the new head with the serving one; else none. */
  compared: readonly EvidenceSample[];
}

/** What the new head answers to every labelled sample, by id. */
export function sampleAnswers({
  collected,
  set,
  leaveGroupOut,
  onHoldout,
  holdoutFirsts,
  compared,
}: AnsweredSamples): SampleAnswer[] {
  const { training, holdout, labels } = collected;
  const { judged, singleGroupClasses } = judgedRows(set, groupingOf(set));
  const counts = new Set(judged);
  // Where every class is in one group, the answers count as they are.
  const unknowable = new Set(
    [...judged].some((row) => singleGroupClasses.includes(set.labels[row]!))
      ? []
      : singleGroupClasses.map((c) => labels[c]!),
  );
  const champions = new Map(compared.map(({ id, champion }) => [id, champion]));
  const known = new Set(labels);
  const ofTraining = leftOutAnswersOf(training, labels, leaveGroupOut).map((answer, row) => {
    const knowable = !unknowable.has(answer.truth);
    return { ...answer, holdout: false, knowable, judged: counts.has(row) };
  });
  const ofHoldout = leftOutAnswersOf(holdout, labels, onHoldout).map((answer, i) => {
    const knowable = known.has(answer.truth);
    return { ...answer, holdout: true, knowable, judged: knowable && holdoutFirsts[i] === true };
  });
  return [...ofTraining, ...ofHoldout]
    .map((answer) => ({ ...answer, champion: champions.get(answer.id) ?? null }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** @param probabilities n x labels.length, row-major, in the order of the samples */
export function leftOutAnswersOf(
  samples: readonly Pick<LabelledSample, 'id' | 'label'>[],
  labels: readonly string[],
  probabilities: Float64Array,
): BareAnswer[] {
  const truth = samples.map(({ label }) => label);
  return headAnswers(probabilities, labels, truth).map((answer, row) => {
    const own = probabilities.slice(row * labels.length, (row + 1) * labels.length);
    own[labels.indexOf(answer.label)] = Number.NEGATIVE_INFINITY;
    const second = indexOfLargest(own, 0, labels.length);
    return {
      id: samples[row]!.id,
      truth: truth[row]!,
      ...answer,
      second: labels[second]!,
      secondProbability: own[second]!,
    };
  });
}
