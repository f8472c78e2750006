import type { FeatureTransform, LearnerName } from '../head/head.js';
import type { LabelledMetrics } from '../head/labelled-metrics.js';

/** The whole of an evaluation: what `evaluation.json` holds and the page shows. */
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
   * What the figures were measured on: the serving head on the holdout, or, where that is too small,
   * its recipe on the training samples, each answered by a head that never saw its group.
   */
  evidence: 'holdout' | 'leave-group-out';
  /** On the evidence. */
  metrics: LabelledMetrics;
  /** 95 %, whole groups drawn with replacement; null with fewer than five groups. */
  interval: { accuracy: Interval; macroF1: Interval } | null;
  /** Whatever the evidence; null: there is no holdout sample. */
  holdout: LabelledMetrics | null;
  leaveGroupOut: LabelledMetrics;
  reliability: ReliabilityBin[];
  /** How the daemon would decide on the evidence. */
  decisions: {
    maxErrorShare: number;
    /** From this probability on an answer is no guess; null: every answer is one. */
    answerProbability: number | null;
    decidedShare: number;
    accuracyOfDecided: number | null;
  };
  learningCurve: CurvePoint[];
  /** The worst first, at most ten. */
  mistakes: Disagreement[];
  /** Labels that a head which never saw the picture contradicts with more than 0.9. */
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
  /** Too few training samples: no head knows it. */
  leftOut: boolean;
  /** F1 over all that was answered by a head that did not learn it: holdout and leave-group-out. */
  pooledF1: number;
}

export interface Interval {
  lower: number;
  upper: number;
}

/** Samples of similar probability; all bins hold equally many, give or take one. */
export interface ReliabilityBin {
  samples: number;
  /** Mean probability of the answer, 0..1. */
  confidence: number;
  /** Share of right answers, 0..1. */
  accuracy: number;
}

/** Heads fitted to a share of the training groups; mean and range over `repeats` draws of groups. */
export interface CurvePoint {
  /** Of the training groups, 0..1. */
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
  /** Of the answer, 0..1. */
  probability: number;
  /** Of the label, 0..1. */
  labelProbability: number;
  group: string;
  holdout: boolean;
  origin: string | null;
  /** Unix time, milliseconds. */
  capturedAtMs: number;
  /** Small JPEG, Base64; null: it cannot be read. */
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
