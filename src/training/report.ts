import type { SerialisedError } from '../base/errors.js';
import type { Message } from '../base/words/message.js';
import type { AnswerScore } from '../gate/answers/answer-score.js';
import type { ChangedAnswer } from '../gate/answers/compared-answers.js';
import type { GateDecision } from '../gate/gate-decision.js';
import type { FeatureTransform, LearnerName } from '../head/head.js';
import type { LabelledMetrics } from '../head/labelled-metrics.js';
import type { Trust } from '../head/trust.js';
import type { LabelEffect } from './verdict/label-effect.js';

/** Who or what asked for a training. */
export type TrainingTrigger = 'labels' | 'cron' | 'mqtt' | 'cli' | 'console' | 'button' | 'fleet';

export const TRAINING_OUTCOMES = ['promoted', 'refused', 'failed', 'cancelled'] as const;
/** `refused`: a head was trained but may not serve; `failed`: no head was made. */
export type TrainingOutcome = (typeof TRAINING_OUTCOMES)[number];

/** One recipe that was tried, judged by leave-group-out at its own temperature. */
export interface TrainingCandidate {
  learner: LearnerName;
  transform: FeatureTransform;
  /** Most augmented views per sample that the recipe learnt from. */
  views: number;
  lambda: number;
  temperature: number;
  /**
   * Mean over classes of the mean log-loss of the class; decides when it is smaller by more than
   * chance.
   */
  macroLogLoss: number;
  macroF1: number;
  durationMs: number;
  chosen: boolean;
}

/** A sample that could not be used, and the reason. */
export interface SkippedSample {
  id: string;
  origin: string | null;
  code: string;
  message: string;
}

/**
 * A class of the store; `leftOut`: it has too few training samples, and the head does not know it.
 */
export interface TrainedClass {
  label: string;
  training: number;
  holdout: number;
  leftOut: boolean;
  /** Training samples that the class still needs; 0 when it is learnt. */
  missing: number;
}

/** The result of a training job that reached its end. */
export interface JobResult {
  /** Version of the published head; it does not serve yet. */
  version: number;
  /** The head that served during the comparison; null: none. */
  championVersion: number | null;
  decision: GateDecision;
  /** The decision in one sentence. */
  verdict: Message;
  /** Score of the judged answers of the new head; null: no answer could be judged. */
  score: AnswerScore | null;
  /**
   * Of the samples on which both heads were compared, those that only the new head answers right, and
   * those that only the old one does; at most 8 each, those that changed most.
   */
  gained: ChangedAnswer[];
  lost: ChangedAnswer[];
  /** What the labels since the training before changed. */
  effect: LabelEffect;
  learner: LearnerName;
  lambda: number;
  transform: FeatureTransform;
  temperature: number;
  /** Trust in the new head. */
  trust: Trust;
  /** Why the evidence is weaker than it seems, in words; null: it is not. */
  caution: string | null;
  classes: TrainedClass[];
  /** Number of samples; views are not counted. */
  samples: { training: number; holdout: number; skipped: number };
  /** At most the first 50. */
  skipped: SkippedSample[];
  /** Metrics of the new head, as read back from the disk; null: no holdout samples. */
  holdout: LabelledMetrics | null;
  /**
   * Metrics of the serving head on the same samples; null: no head, or its features are not stored.
   */
  championHoldout: LabelledMetrics | null;
  leaveGroupOut: LabelledMetrics;
  candidates: TrainingCandidate[];
  /** Milliseconds per phase. */
  durationsMs: Record<string, number>;
  /** Forward passes of the backbone in this training. */
  forwards: number;
}

/** The full report of one training, for people and for telemetry. */
export interface TrainingReport {
  trainingId: string;
  task: string;
  trigger: TrainingTrigger;
  outcome: TrainingOutcome;
  /** The result in one sentence. */
  verdict: Message;
  /** One short sentence, then the figures. */
  reason: string;
  /** Why the training failed; null otherwise. */
  error: SerialisedError | null;
  /** ISO 8601, UTC. */
  startedAt: string;
  /** ISO 8601, UTC. */
  finishedAt: string;
  durationMs: number;
  /** Null unless the job reached its end. */
  result: JobResult | null;
}
