import type { SerialisedError } from '../base/errors.js';
import type { GateDecision } from '../gate/gate-decision.js';
import type { FeatureTransform, LearnerName } from '../head/head.js';
import type { LabelledMetrics } from '../head/labelled-metrics.js';
import type { Trust } from '../head/trust.js';

/** What asked for a training. */
export type TrainingTrigger = 'labels' | 'cron' | 'mqtt' | 'cli' | 'console';

export const TRAINING_OUTCOMES = ['promoted', 'refused', 'failed', 'cancelled'] as const;
/** `refused`: a head was trained but may not serve; `failed`: none came of it. */
export type TrainingOutcome = (typeof TRAINING_OUTCOMES)[number];

/** One recipe that was tried, judged by leave-group-out after its own temperature. */
export interface TrainingCandidate {
  learner: LearnerName;
  transform: FeatureTransform;
  /** Augmented views of a sample that it learned from, at most. */
  views: number;
  lambda: number;
  temperature: number;
  /** Mean over classes of the mean log-loss of the class; the smallest by more than chance is chosen. */
  macroLogLoss: number;
  macroF1: number;
  durationMs: number;
  chosen: boolean;
}

/** A sample that could not be used, and why. */
export interface SkippedSample {
  id: string;
  origin: string | null;
  code: string;
  message: string;
}

/** A class of the store; `leftOut`: too few training samples, the head does not know it. */
export interface TrainedClass {
  label: string;
  training: number;
  holdout: number;
  leftOut: boolean;
  /** So many training samples it lacks to be learnt; 0 when it is. */
  missing: number;
}

/** What the training job hands over when it got to the end. */
export interface JobResult {
  /** Version of the published head; it does not serve yet. */
  version: number;
  /** The head that served when the job compared; null: none. */
  championVersion: number | null;
  decision: GateDecision;
  learner: LearnerName;
  lambda: number;
  transform: FeatureTransform;
  temperature: number;
  /** How far the new head can be trusted. */
  trust: Trust;
  /** In words, why the evidence is better than it seems; null: nothing is wrong with it. */
  caution: string | null;
  classes: TrainedClass[];
  /** Used; views not counted. */
  samples: { training: number; holdout: number; skipped: number };
  /** At most the first 50. */
  skipped: SkippedSample[];
  /** By the new head as read back from the disk; null: there is no holdout sample. */
  holdout: LabelledMetrics | null;
  /** By the serving head, on the same samples; null: no head, or its features are not there. */
  championHoldout: LabelledMetrics | null;
  leaveGroupOut: LabelledMetrics;
  candidates: TrainingCandidate[];
  /** Milliseconds per phase. */
  durationsMs: Record<string, number>;
  /** Forward passes of the backbone that this training needed. */
  forwards: number;
}

/** The whole story of one training, for people and for telemetry. */
export interface TrainingReport {
  trainingId: string;
  trigger: TrainingTrigger;
  outcome: TrainingOutcome;
  /** One sentence in words. */
  reason: string;
  /** Why it failed; null otherwise. */
  error: SerialisedError | null;
  /** ISO 8601, UTC. */
  startedAt: string;
  /** ISO 8601, UTC. */
  finishedAt: string;
  durationMs: number;
  /** Null unless the job got to its end. */
  result: JobResult | null;
}
