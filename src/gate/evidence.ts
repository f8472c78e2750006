import type { HeadAnswer } from './scorecard.js';

/** What the scores were measured on. `none`: a head serves, but nothing can be compared. */
export type GateEvidence = 'holdout' | 'leave-group-out' | 'none';

/** A sample of the evidence with the answers of both heads. */
export interface EvidenceSample {
  id: string;
  label: string;
  group: string;
  holdout: boolean;
  /** Answer of the new head; for a training sample, of a head that never saw its group. */
  challenger: HeadAnswer;
  /** Answer of the serving head as it is on the disk; null: its features are not stored. */
  champion: HeadAnswer | null;
}

/** A sample that the gate may use. */
export interface JudgedSample extends EvidenceSample {
  /** The sample got its label, or another label, after the training of the serving head. */
  relabelled: boolean;
  /**
   * False: no left-out head knew the class, because all samples of the class are in one group, or the
   * sample is a near-duplicate of one that is judged.
   */
  judged: boolean;
}

export interface ServingHead {
  version: number;
  labels: readonly string[];
  /** Groups that the head was trained on: it has learnt these samples by heart. */
  groups: ReadonlySet<string>;
  /** Number of samples that the head was trained on. */
  learnt: number;
  /**
   * Why the head was trained on other features, in words: "it has another backbone (…)"; else null.
   */
  otherFeatures: string | null;
  /**
   * Leave-group-out answers of the head's recipe, fitted to today's training samples of its groups,
   * by sample id. Null when they are not available.
   */
  answersOfRecipe: (() => Promise<ReadonlyMap<string, HeadAnswer>>) | null;
}

export interface Evidence {
  /** Where the challenger's answers come from. */
  source: Exclude<GateEvidence, 'none'>;
  /** Why there is no better evidence, in words; null for the holdout. */
  note: string | null;
  /** Every sample has an answer of both heads, unless `compared` is `nothing`. */
  samples: EvidenceSample[];
  /** Whether a head serves whose answers are known. */
  compared: 'heads' | 'nothing';
  /** Null: no head serves. */
  champion: { version: number; labels: string[]; learnt: number } | null;
  /** Number of samples that only the challenger has learnt, or has learnt with another label. */
  newlyLearnt: number;
  /** Number of samples that only the serving head has learnt: somebody removed them. */
  removed: number;
  /** Number of samples that the challenger has learnt. */
  learnt: number;
}

export interface EvidenceSettings {
  /** A smaller holdout does not decide alone, even where there is no other evidence. */
  minHoldoutSamples: number;
  /** A holdout of this size or more decides alone. */
  holdoutAloneSamples: number;
}

/**
 * Chooses the best evidence. Both heads always answer the same samples, and heads that never saw
 * the group of a sample answer it:
 * 1. the holdout, where it is large;
 * 2. the holdout and today's training samples: the new head answers by leave-group-out; the serving
 *    head answers the samples that it has not learnt, and its recipe the others by leave-group-out;
 * 3. the same samples with the challenger alone, where no head serves or the serving head has no
 *    answers.
 *
 * The choice depends on the number of samples, never on the answers, so that it favours neither
 * head.
 */
export async function chooseEvidence(
  samples: readonly JudgedSample[],
  champion: ServingHead | null,
  settings: EvidenceSettings,
): Promise<Evidence> {
  const holdout = samples.filter((sample) => sample.holdout);
  const training = samples.filter((sample) => !sample.holdout);
  if (!champion) {
    const learnt = training.length;
    return {
      ...alone(holdout, training, settings),
      champion: null,
      newlyLearnt: learnt,
      learnt,
      removed: 0,
    };
  }
  const { version, otherFeatures, groups } = champion;
  const isNew = (sample: JudgedSample): boolean => !groups.has(sample.group);
  const met = training.filter(isNew).length;
  const changed = training.filter((sample) => isNew(sample) || sample.relabelled).length;
  const about = {
    champion: { version, labels: [...champion.labels], learnt: champion.learnt },
    newlyLearnt: Math.max(changed, training.length - champion.learnt),
    removed: Math.max(0, champion.learnt - (training.length - met)),
    learnt: training.length,
  };
  const ownFeatures = otherFeatures
    ? `Head ${version} was compared with its own features: ${otherFeatures}`
    : null;
  const answered = (sample: JudgedSample): boolean => sample.champion !== null && isNew(sample);
  const onHoldout = holdout.filter(answered);
  const byHoldout = (): Evidence => ({
    source: 'holdout',
    note: ownFeatures,
    samples: onHoldout.map(bare),
    compared: 'heads',
    ...about,
  });
  if (enough(onHoldout, settings.holdoutAloneSamples)) return byHoldout();
  const recipe = (await champion.answersOfRecipe?.()) ?? new Map<string, HeadAnswer>();
  const onTraining = judgeable(training).flatMap((sample) => {
    const own = isNew(sample) ? sample.champion : (recipe.get(sample.id) ?? null);
    return own ? [{ ...sample, champion: own }] : [];
  });
  if (onTraining.length === 0 && enough(onHoldout, settings.minHoldoutSamples)) return byHoldout();
  const all = [...onHoldout, ...onTraining];
  // A few samples, or none, are evidence too: the gate knows how little they weigh.
  if (all.length > 0 || !otherFeatures) {
    const why = leftOutNote(holdout, onTraining.length);
    return {
      source: 'leave-group-out',
      note: ownFeatures ? `${why}. ${ownFeatures}` : why,
      samples: all.map(bare),
      compared: 'heads',
      ...about,
    };
  }
  return {
    ...alone(holdout, training, settings),
    note: `No comparison with head ${version} was possible: ${otherFeatures}`,
    ...about,
  };
}

function alone(
  holdout: readonly JudgedSample[],
  training: readonly JudgedSample[],
  { holdoutAloneSamples }: EvidenceSettings,
): Pick<Evidence, 'source' | 'note' | 'samples' | 'compared'> {
  if (enough(holdout, holdoutAloneSamples)) {
    return { source: 'holdout', note: null, samples: holdout.map(bare), compared: 'nothing' };
  }
  return {
    source: 'leave-group-out',
    note: leftOutNote(holdout, judgeable(training).length),
    samples: [...holdout, ...judgeable(training)].map(bare),
    compared: 'nothing',
  };
}

function enough(set: readonly JudgedSample[], count: number): boolean {
  return set.length >= count && new Set(set.map((sample) => sample.label)).size >= 2;
}

/** Why training samples are part of the evidence, in words. */
function leftOutNote(holdout: readonly JudgedSample[], training: number): string {
  const leftOut = `${training} training samples were answered by heads that never saw their group`;
  if (holdout.length === 0) return `No sample is held out yet; ${leftOut}`;
  return `The holdout has ${counted(holdout)}, too few to decide alone; ${leftOut}`;
}

function counted(holdout: readonly JudgedSample[]): string {
  return `${holdout.length} samples of ${new Set(holdout.map((sample) => sample.label)).size} classes`;
}

/** Only samples whose class a left-out head could know, unless fewer than two classes are left. */
function judgeable(training: readonly JudgedSample[]): readonly JudgedSample[] {
  const judged = training.filter((sample) => sample.judged);
  return new Set(judged.map((sample) => sample.label)).size >= 2 ? judged : training;
}

function bare({ judged: _, relabelled: __, ...sample }: JudgedSample): EvidenceSample {
  return sample;
}
