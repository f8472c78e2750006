import type { HeadAnswer } from './scorecard.js';

/** What the scores were measured on; `none`: there is a serving head but nothing to compare on. */
export type GateEvidence = 'holdout' | 'leave-group-out' | 'none';

/** A sample of the evidence, and what both heads say to it. */
export interface EvidenceSample {
  id: string;
  label: string;
  group: string;
  holdout: boolean;
  /** By the new head; for a training sample by a head that never saw its group. */
  challenger: HeadAnswer;
  /** By the serving head as it is on the disk; null: its features are not there. */
  champion: HeadAnswer | null;
}

/** A sample that the gate may look at. */
export interface JudgedSample extends EvidenceSample {
  /** It got its label, or another one, after the serving head was trained. */
  relabelled: boolean;
  /** False: no left-out head knew its class, because the class stands in one group only. */
  judged: boolean;
}

export interface ServingHead {
  version: number;
  labels: readonly string[];
  /** Groups it was trained on: it knows these samples by heart. */
  groups: ReadonlySet<string>;
  /** How many samples it was trained on. */
  learnt: number;
  /** In words when it was trained on other features: "it has another backbone (…)". */
  otherFeatures: string | null;
  /**
   * What its recipe, fitted to those training samples of today that stand in its groups, answers to
   * them by leave-group-out; by sample id. Null when that is not possible.
   */
  answersOfRecipe: (() => Promise<ReadonlyMap<string, HeadAnswer>>) | null;
}

export interface Evidence {
  /** Where the challenger's answers come from. */
  source: Exclude<GateEvidence, 'none'>;
  /** In words, why this evidence and no better; null when it is the holdout. */
  note: string | null;
  /** Every sample has an answer of both contenders, unless `compared` is `nothing`. */
  samples: EvidenceSample[];
  /** Whether there is a serving head whose answers could be had. */
  compared: 'heads' | 'nothing';
  /** Null: no head serves. */
  champion: { version: number; labels: string[]; learnt: number } | null;
  /** How many samples the challenger has learnt that the serving head has not, or with another label. */
  newlyLearnt: number;
  /** How many samples the serving head has learnt that the challenger has not: somebody removed them. */
  removed: number;
  /** How many samples the challenger has learnt. */
  learnt: number;
}

export interface EvidenceSettings {
  /** With fewer, the holdout says nothing alone where nothing else can be had. */
  minHoldoutSamples: number;
  /** From so many on the holdout is large. */
  holdoutAloneSamples: number;
}

/**
 * Chooses the best evidence there is, always the same samples for both heads, each answered by
 * heads that never saw its group:
 * 1. the holdout, where it is large;
 * 2. the holdout and the training samples of today: the new head's answers by leave-group-out, the
 *    serving head's own where it has not learnt the sample, else its recipe's by leave-group-out;
 * 3. without a serving head, or with one that cannot be asked, the challenger alone, on the same.
 *
 * It looks at how many samples there are, never at answers, so that the choice favours nobody.
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
  // Few samples, or none, say little, and weigh little: the gate knows by how much.
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

/** Why training samples take part, in words. */
function leftOutNote(holdout: readonly JudgedSample[], training: number): string {
  const leftOut = `${training} training samples were answered by heads that never saw their group`;
  if (holdout.length === 0) return `No sample is held out yet; ${leftOut}`;
  return `The holdout has ${counted(holdout)}, too few to decide alone; ${leftOut}`;
}

function counted(holdout: readonly JudgedSample[]): string {
  return `${holdout.length} samples of ${new Set(holdout.map((sample) => sample.label)).size} classes`;
}

/** Only samples whose class could be known, unless too little would be left. */
function judgeable(training: readonly JudgedSample[]): readonly JudgedSample[] {
  const judged = training.filter((sample) => sample.judged);
  return new Set(judged.map((sample) => sample.label)).size >= 2 ? judged : training;
}

function bare({ judged: _, relabelled: __, ...sample }: JudgedSample): EvidenceSample {
  return sample;
}
