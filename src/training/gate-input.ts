import type { Evidence } from './evidence.js';
import type { GoldenOutputs } from './golden.js';
import type { UnknownScores } from './unknown-auroc.js';

/** Limits of the gate; docs/explanation/gate.md says why they are as they are. */
export interface GateSettings {
  /** By so much may macro-F1 fall below the champion's, 0..1. */
  macroF1Margin: number;
  /** From so many exam samples on that margin is 0. */
  largeExamSamples: number;
  /** By this share may log-loss and calibration error grow. */
  lossMargin: number;
  /** By so much may the AUROC of unknowns fall, 0..1. */
  unknownAurocMargin: number;
  /** With fewer samples nothing is compared. */
  minExamSamples: number;
  /** Resamples of groups. */
  bootstrapDraws: number;
}

/** Which attempt this is against the same head on the same evidence, and what error it may spend. */
export interface ExamLook {
  /** From 1. */
  count: number;
  /** One-sided error of the bound on macro-F1. */
  alpha: number;
}

/** Everything that a decision rests on: whoever has it can decide again. Plain JSON. */
export interface GateInput extends Evidence {
  challengerLabels: string[];
  /** Every label that still has a sample in the store, whatever its number. */
  labelsWithSamples: string[];
  /** How strange exam samples look to both; null: not measured for both. */
  unknownScores: UnknownScores[] | null;
  /** What the head answered before it was written, and what it answers as read back. */
  golden: GoldenOutputs;
  look: ExamLook;
  seed: number;
  settings: GateSettings;
}
