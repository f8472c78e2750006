import { isHeadlandError, messageOf } from '../errors.js';
import type { Head } from '../head/head.js';
import { headProbabilities } from '../head/score.js';
import { groupingOf, judgedRows, type TrainingSet } from '../head/train.js';
import type { SampleStore } from '../samples/store.js';
import type { LabelledMetrics } from './card.js';
import type { Collected } from './collect.js';
import { chooseEvidence, type JudgedSample, type ServingHead } from './evidence.js';
import { originals } from './feature-matrix.js';
import { decide, type GateDecision } from './gate.js';
import { labelledMetrics } from './labelled-metrics.js';
import { answersOf, type FittedRecipe, fitRecipe, type Learner } from './recipes.js';
import type { HeadRegistry } from './registry.js';
import type { StoredHead } from './version-directory.js';

export interface JudgeInput {
  store: SampleStore;
  registry: HeadRegistry;
  collected: Collected;
  /** `Embedder.checksum`: under which the store keeps the features of today. */
  key: string;
  /** Of the training samples: originals first, in the order of `collected.training`. */
  set: TrainingSet;
  /** Originals of the exam samples, in the order of `collected.exam`. */
  examFeatures: readonly Float32Array[];
  recipe: FittedRecipe;
  /** The new head, as read back from the disk. */
  challenger: Head;
  settings: { macroF1Margin: number; minExamSamples: number };
}

export interface Judgement {
  decision: GateDecision;
  /** The head that serves; null: none. */
  championVersion: number | null;
  /** The serving head, if there is one, was trained on the features of today. */
  sameFeatures: boolean;
  exam: LabelledMetrics | null;
  championExam: LabelledMetrics | null;
  leaveGroupOut: LabelledMetrics;
}

/** What the serving head is, as far as it can be read. */
interface Champion {
  version: number;
  stored: StoredHead | null;
  /** In words, when it was not trained on the features of today. */
  otherFeatures: string | null;
}

/** Lets the new head and the serving one meet, and the gate decide. */
export async function judge(input: JudgeInput): Promise<Judgement> {
  const { collected, key, set, recipe, challenger, settings } = input;
  const { training, exam, labels } = collected;
  const champion = await readChampion(input.registry, key);
  const all = [...training, ...exam];
  const today = concatenate([
    set.features.subarray(0, training.length * set.featureSize),
    ...input.examFeatures,
  ]);
  const examToday = today.subarray(training.length * set.featureSize);

  const onExam = exam.length > 0 ? headProbabilities(challenger, examToday) : new Float64Array(0);
  const answers = [
    ...named(recipe.leaveGroupOutProbabilities, labels),
    ...named(onExam, challenger.labels),
  ];
  const championAnswers = answersOfChampion(champion, input, today);
  const known = new Set(judgedRows(set, groupingOf(set)).judged);
  const samples = all.map(
    ({ label, group, exam: isExam }, i): JudgedSample => ({
      ...{ label, group, exam: isExam },
      challenger: answers[i] as string,
      champion: championAnswers[i] ?? null,
      judged: isExam || known.has(i),
    }),
  );
  const serving = champion && servingHead(champion, input);
  const decision = decide({
    ...chooseEvidence(samples, serving, settings.minExamSamples),
    challengerLabels: challenger.labels,
    labelsWithSamples: collected.classes.map((c) => c.label),
    settings,
  });
  const truth = exam.map((sample) => sample.label);
  return {
    decision,
    championVersion: champion?.version ?? null,
    sameFeatures: !champion?.otherFeatures,
    exam: labelledMetrics(onExam, challenger.labels, truth),
    championExam: examOfChampion(champion, input, examToday, truth),
    leaveGroupOut: labelledMetrics(
      recipe.leaveGroupOutProbabilities,
      labels,
      training.map((sample) => sample.label),
    ) as LabelledMetrics,
  };
}

async function readChampion(registry: HeadRegistry, key: string): Promise<Champion | null> {
  const version = await registry.current();
  if (version === null) return null;
  try {
    const stored = await registry.load(version);
    const { name, checksum, fit } = stored.card.backbone;
    const same = checksum === key;
    return { version, stored, otherFeatures: same ? null : `its backbone is ${name} (${fit})` };
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return { version, stored: null, otherFeatures: `it cannot be read (${messageOf(error)})` };
  }
}

function servingHead(champion: Champion, { set, collected }: JudgeInput): ServingHead {
  const { version, stored, otherFeatures } = champion;
  const learner = stored?.card.learner;
  const canRefit = stored && !otherFeatures && learner !== 'tf-layers';
  return {
    version,
    labels: stored?.head.labels ?? [],
    groups: new Set(stored?.trainingGroups),
    otherFeatures,
    answersOfRecipe: canRefit
      ? () => {
          const { transform, lambda } = stored.card;
          const refitted = fitRecipe(set, learner as Learner, transform, lambda);
          return named(refitted.leaveGroupOutProbabilities, collected.labels);
        }
      : null,
  };
}

/** What the serving head answers to every sample; null where it has no features of it. */
function answersOfChampion(
  champion: Champion | null,
  { store, collected }: JudgeInput,
  today: Float32Array,
): (string | null)[] {
  if (!champion?.stored) return [];
  const { head, card } = champion.stored;
  if (!champion.otherFeatures) return named(headProbabilities(head, today), head.labels);
  const all = [...collected.training, ...collected.exam];
  return originals(store, all, card.backbone.checksum).map((features) =>
    features ? (named(headProbabilities(head, features), head.labels)[0] as string) : null,
  );
}

function examOfChampion(
  champion: Champion | null,
  { store, collected }: JudgeInput,
  examToday: Float32Array,
  truth: string[],
): LabelledMetrics | null {
  if (!champion?.stored || truth.length === 0) return null;
  const { head, card } = champion.stored;
  let features = examToday;
  if (champion.otherFeatures) {
    const found = originals(store, collected.exam, card.backbone.checksum);
    if (found.includes(null)) return null;
    features = concatenate(found as Float32Array[]);
  }
  return labelledMetrics(headProbabilities(head, features), head.labels, truth);
}

function named(probabilities: Float64Array, labels: readonly string[]): string[] {
  return answersOf(probabilities, labels.length).map((i) => labels[i] as string);
}

function concatenate(vectors: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(vectors.reduce((sum, vector) => sum + vector.length, 0));
  let at = 0;
  for (const vector of vectors) {
    all.set(vector, at);
    at += vector.length;
  }
  return all;
}
