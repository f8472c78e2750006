import type { FeatureTransform, LearnerName } from '../head/head.js';
import type { Interval } from '../head/intervals/wilson.js';
import type { LabelledMetrics } from '../head/labelled-metrics.js';

/** A whole evaluation: the content of `evaluation.json` and of the report. */
export interface Evaluation {
  schema: 1;
  /** ISO 8601, UTC. */
  createdAt: string;
  head: {
    version: number;
    learner: LearnerName;
    transform: FeatureTransform;
    lambda: number;
    temperature: number;
    backbone: string;
    /** ISO 8601, UTC. */
    trainedAt: string;
    labels: string[];
  };
  data: {
    training: number;
    holdout: number;
    trainingGroups: number;
    holdoutGroups: number;
    classes: EvaluatedClass[];
  };
  /**
   * What the figures were measured on: the serving head on the holdout or, where that is too small,
   * its recipe on the training samples, each answered by a head that never saw its group.
   */
  evidence: 'holdout' | 'leave-group-out';
  /** Metrics on the evidence. */
  metrics: LabelledMetrics;
  /** 95 %, with groups counted as such; null with fewer than five groups. */
  interval: { accuracy: Interval; macroF1: Interval } | null;
  /** Metrics on the holdout, whatever the evidence; null: no holdout samples. */
  holdout: LabelledMetrics | null;
  leaveGroupOut: LabelledMetrics;
  /** Over all answers of heads that did not learn the sample: holdout and leave-group-out. */
  pooled: LabelledMetrics;
  reliability: ReliabilityBin[];
  /** The daemon's decisions on the evidence. */
  decisions: {
    maxErrorShare: number;
    /** Answers of this probability or more are no guesses; null: every answer is a guess. */
    answerProbability: number | null;
    decidedShare: number;
    /** Answers that are no guesses, and how many of them are right. */
    decided: number;
    decidedRight: number;
    accuracyOfDecided: number | null;
  };
  learningCurve: CurvePoint[];
  /** The worst first, at most ten. */
  mistakes: Disagreement[];
  /** Labels that a head that never saw the image contradicts with a probability above 0.9. */
  suspects: { total: number; shown: Disagreement[] };
  advice: Advice[];
  durationMs: number;
}

export interface EvaluatedClass {
  label: string;
  training: number;
  holdout: number;
  trainingGroups: number;
  holdoutGroups: number;
  /** The class has too few training samples: no head knows it. */
  leftOut: boolean;
  /** F1 over all answers of heads that did not learn the sample: holdout and leave-group-out. */
  pooledF1: number;
}

/** Samples of similar probability; the sizes of bins differ by at most one. */
export interface ReliabilityBin {
  samples: number;
  /** Mean probability of the answer, 0..1. */
  confidence: number;
  /** Share of right answers, 0..1. */
  accuracy: number;
}

/**
 * Heads fitted to a share of the training groups; mean and range over `repeats` draws of groups.
 */
export interface CurvePoint {
  /** Share of the training groups, 0..1. */
  share: number;
  /** Training samples, mean over the draws. */
  samples: number;
  repeats: number;
  accuracy: number;
  macroF1: number;
  macroF1Least: number;
  macroF1Most: number;
}

/** A sample whose label and answer differ. */
export interface Disagreement {
  id: string;
  label: string;
  answer: string;
  /** Probability of the answer, 0..1. */
  probability: number;
  /** Probability of the label, 0..1. */
  labelProbability: number;
  group: string;
  holdout: boolean;
  origin: string | null;
  /** Unix time, milliseconds. */
  capturedAtMs: number;
  /** Small JPEG, Base64; null: the image cannot be read. */
  jpeg: string | null;
}

export interface Advice {
  kind:
    | 'labels'
    | 'samples'
    | 'confused'
    | 'groups'
    | 'holdout'
    | 'calibration'
    | 'curve'
    | 'left-out'
    | 'fine';
  /** One sentence. */
  text: string;
  /** Why, and what to do. */
  detail: string;
}
