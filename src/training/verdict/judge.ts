import { isHeadlandError, messageOf } from '../../base/errors.js';
import { sha256Hex } from '../../base/hash.js';
import type { SampleAnswer } from '../../gate/answers/sample-answer.js';
import { decide } from '../../gate/decide.js';
import {
  chooseEvidence,
  type Evidence,
  type EvidenceSettings,
  type JudgedSample,
  type ServingHead,
} from '../../gate/evidence.js';
import type { GateDecision } from '../../gate/gate-decision.js';
import type { GateInput, GateSettings } from '../../gate/gate-input.js';
import { goldenOutputs } from '../../gate/golden.js';
import { type HeadAnswer, headAnswers } from '../../gate/scorecard.js';
import { scoreUnknowns, type UnknownScores } from '../../gate/unknown-auroc.js';
import { encodeHead } from '../../head/codec.js';
import type { Head } from '../../head/head.js';
import { type LabelledMetrics, labelledMetrics } from '../../head/labelled-metrics.js';
import { headProbabilities } from '../../head/score.js';
import { groupingOf, judgedRows, type TrainingSet } from '../../head/training-set.js';
import type { HeadRegistry } from '../../registry/registry.js';
import type { StoredHead } from '../../registry/version-directory.js';
import type { SampleStore } from '../../samples/store.js';
import type { Collected } from '../data/collect.js';
import { originals } from '../data/feature-matrix.js';
import type { FittedRecipe } from '../fit/recipes.js';
import type { FitEngine } from '../fit/search.js';
import { answersOfRecipe } from './recipe-answers.js';
import { sampleAnswers } from './sample-answers.js';

export interface JudgeInput {
  store: SampleStore;
  registry: HeadRegistry;
  collected: Collected;
  /** `Embedder.checksum`, the key of today's features in the store. */
  key: string;
  /** The training samples: originals first, in the order of `collected.training`. */
  set: TrainingSet;
  /** Originals of the holdout samples, in the order of `collected.holdout`. */
  holdoutFeatures: readonly Float32Array[];
  /** By holdout sample, false for near-duplicates of an earlier one. */
  holdoutFirsts: readonly boolean[];
  recipe: FittedRecipe;
  /** The new head before it was written. */
  trained: Head;
  /** The new head, as read back from the disk. */
  challenger: Head;
  /** Computes the fits of the serving head's recipe. */
  engine: FitEngine;
  settings: GateSettings & EvidenceSettings;
  /** Samples of the fleet that the new head has learnt; 0: none. */
  fleetSamples: number;
}

export interface Judgement {
  decision: GateDecision;
  /** Everything that the decision rests on. */
  input: GateInput;
  /** The serving head; null: none. */
  championVersion: number | null;
  /** A head serves, and it was trained on today's features. */
  sameFeatures: boolean;
  holdout: LabelledMetrics | null;
  championHoldout: LabelledMetrics | null;
  leaveGroupOut: LabelledMetrics;
  /** What the new head answers to every labelled sample, by id. */
  answers: SampleAnswer[];
}

/** The serving head, as far as it can be read. */
interface Champion {
  version: number;
  stored: StoredHead | null;
  /** Why it was not trained on today's features, in words; null: it was. */
  otherFeatures: string | null;
}

/**
 * Samples whose labels changed after a revision; a new name of a class changes none. Revisions, because the clock may have been set
 * meanwhile.
 */
function relabelledSince(revision: number | undefined, store: SampleStore): Set<string> {
  if (revision === undefined) return new Set();
  const changes = store.labelsSince(revision, Number.MAX_SAFE_INTEGER);
  return new Set(changes.filter(({ renamed }) => !renamed).map(({ sampleId }) => sampleId));
}

/** Compares the new head with the serving one and lets the gate decide. */
export async function judge(input: JudgeInput): Promise<Judgement> {
  const { collected, key, set, recipe, challenger, settings } = input;
  const { training, holdout, labels } = collected;
  const champion = await readChampion(input.registry, key);
  const all = [...training, ...holdout];
  const today = concatenate([
    set.features.subarray(0, training.length * set.featureSize),
    ...input.holdoutFeatures,
  ]);
  const holdoutToday = today.subarray(training.length * set.featureSize);

  const truth = all.map((sample) => sample.label);
  const holdoutTruth = truth.slice(training.length);
  const onHoldout =
    holdout.length > 0 ? headProbabilities(challenger, holdoutToday) : new Float64Array(0);
  const answers = [
    ...headAnswers(recipe.leaveGroupOutProbabilities, labels, truth.slice(0, training.length)),
    ...headAnswers(onHoldout, challenger.labels, holdoutTruth),
  ];
  const championAnswers = answersOfChampion(champion, input, today);
  const known = new Set(judgedRows(set, groupingOf(set)).judged);
  const relabelled = relabelledSince(champion?.stored?.card.labelRevision, input.store);
  const samples = all.map(
    ({ id, label, group, holdout: isHoldout }, i): JudgedSample => ({
      id,
      label,
      group,
      holdout: isHoldout,
      relabelled: relabelled.has(id),
      challenger: answers[i] as HeadAnswer,
      champion: championAnswers[i] ?? null,
      judged: isHoldout || known.has(i),
    }),
  );
  const serving = champion && servingHead(champion, input);
  // Near-duplicates are one answer. Those of training samples are not judged either.
  const { holdoutFirsts } = input;
  const different = samples.filter((_, i) => holdoutFirsts[i - training.length] ?? true);
  const evidence = withFleet(
    await chooseEvidence(different, serving, settings),
    input.fleetSamples,
    champion?.stored?.card.fleet?.samples ?? 0,
  );
  const championHoldout = holdoutFeaturesOf(champion, input, holdoutToday);
  const gateInput: GateInput = {
    ...evidence,
    challengerLabels: [...challenger.labels],
    labelsWithSamples: collected.classes.map((c) => c.label),
    unknownScores: unknownScores(champion, input, holdoutToday, championHoldout),
    golden: goldenOutputs(input.trained, challenger, seedOf(challenger)),
    settings: gateSettings(settings),
  };
  const decision = decide(gateInput);
  return {
    decision,
    input: gateInput,
    championVersion: champion?.version ?? null,
    sameFeatures: !champion?.otherFeatures,
    holdout: labelledMetrics(onHoldout, challenger.labels, holdoutTruth),
    championHoldout: holdoutOfChampion(champion, championHoldout, holdoutTruth),
    leaveGroupOut: labelledMetrics(
      recipe.leaveGroupOutProbabilities,
      labels,
      truth.slice(0, training.length),
    ) as LabelledMetrics,
    answers: sampleAnswers({
      collected,
      set,
      leaveGroupOut: recipe.leaveGroupOutProbabilities,
      onHoldout,
      holdoutFirsts,
      compared: evidence.compared === 'heads' ? evidence.samples : [],
    }),
  };
}

/** Samples that heads have learnt by the sums of a fleet count as their own do. */
function withFleet(evidence: Evidence, challenger: number, champion: number): Evidence {
  return {
    ...evidence,
    champion: evidence.champion && {
      ...evidence.champion,
      learnt: evidence.champion.learnt + champion,
    },
    newlyLearnt: evidence.newlyLearnt + Math.max(0, challenger - champion),
    removed: evidence.removed + Math.max(0, champion - challenger),
    learnt: evidence.learnt + challenger,
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

function servingHead(champion: Champion, input: JudgeInput): ServingHead {
  const { version, stored, otherFeatures } = champion;
  const learner = stored?.card.learner;
  // Own samples alone do not give what the sums of a fleet have given.
  const canRefit = stored && !otherFeatures && learner !== 'tf-layers' && !stored.card.fleet;
  return {
    version,
    labels: stored?.head.labels ?? [],
    groups: new Set(stored?.trainingGroups),
    learnt: (stored?.card.samples ?? []).reduce(
      (sum, { training, leftOut }) => sum + (leftOut ? 0 : training),
      0,
    ),
    otherFeatures,
    answersOfRecipe: canRefit
      ? () => answersOfRecipe(input.engine, stored, input.set, input.collected.training)
      : null,
  };
}

/** Answers of the serving head to every sample; null where it has no features of the sample. */
function answersOfChampion(
  champion: Champion | null,
  { store, collected }: JudgeInput,
  today: Float32Array,
): (HeadAnswer | null)[] {
  if (!champion?.stored) return [];
  const { head, card } = champion.stored;
  const all = [...collected.training, ...collected.holdout];
  const answers = (of: Float32Array, samples: typeof all): HeadAnswer[] =>
    headAnswers(
      headProbabilities(head, of),
      head.labels,
      samples.map((sample) => sample.label),
    );
  if (!champion.otherFeatures) return answers(today, all);
  return originals(store, all, card.backbone.checksum).map((features, i) =>
    features ? (answers(features, all.slice(i, i + 1))[0] as HeadAnswer) : null,
  );
}

/**
 * Features of the holdout samples as the serving head was trained on them; null: some are missing.
 */
function holdoutFeaturesOf(
  champion: Champion | null,
  { store, collected }: JudgeInput,
  holdoutToday: Float32Array,
): Float32Array | null {
  if (!champion?.stored || holdoutToday.length === 0) return null;
  if (!champion.otherFeatures) return holdoutToday;
  const found = originals(store, collected.holdout, champion.stored.card.backbone.checksum);
  return found.includes(null) ? null : concatenate(found as Float32Array[]);
}

function holdoutOfChampion(
  champion: Champion | null,
  features: Float32Array | null,
  truth: string[],
): LabelledMetrics | null {
  if (!champion?.stored || !features) return null;
  const { head } = champion.stored;
  return labelledMetrics(headProbabilities(head, features), head.labels, truth);
}

/**
 * Null when the serving head has learnt a group of the holdout, or lacks features of some of it.
 */
function unknownScores(
  champion: Champion | null,
  { challenger, collected: { holdout }, settings }: JudgeInput,
  holdoutToday: Float32Array,
  features: Float32Array | null,
): UnknownScores[] | null {
  if (!champion?.stored || !features) return null;
  const { head, trainingGroups } = champion.stored;
  const learnt = new Set(trainingGroups);
  if (holdout.some(({ group }) => learnt.has(group))) return null;
  return scoreUnknowns(
    { head: challenger, features: holdoutToday },
    { head, features },
    holdout,
    settings.minHoldoutSamples,
  );
}

/** The settings that decide, for the record; this section has others too. */
function gateSettings(settings: GateSettings): GateSettings {
  const { learningExponent, gainSpread, evidenceSpread, unknownAurocMargin } = settings;
  return { learningExponent, gainSpread, evidenceSpread, unknownAurocMargin };
}

/** Seeds the golden inputs, so that the same head always gets the same ones. */
function seedOf(head: Head): number {
  return Number.parseInt(sha256Hex(encodeHead(head)).slice(0, 8), 16);
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
