import type { Evidence } from './evidence.js';
import type { GoldenOutputs } from './golden.js';
import type { UnknownScores } from './unknown-auroc.js';

/** What the gate assumes in advance; docs/explanation/gate.md gives the reasons. */
export interface GateSettings {
  /** Errors fall with the number of labels to the power of minus this. */
  learningExponent: number;
  /** Least standard deviation of a gain around its expectation, 0..1. */
  gainSpread: number;
  /** Least standard deviation of a measured difference, however many samples there are, 0..1. */
  evidenceSpread: number;
  /** The AUROC of unknowns may fall by this much, 0..1. */
  unknownAurocMargin: number;
}

/** Everything that a decision rests on: with it, anybody can repeat the decision. Plain JSON. */
export interface GateInput extends Evidence {
  challengerLabels: string[];
  /** Every label with a sample in the store, however few. */
  labelsWithSamples: string[];
  /** Novelty scores of holdout samples by both heads; null: not measured for both. */
  unknownScores: UnknownScores[] | null;
  /** Answers of the head before it was written and after it was read back. */
  golden: GoldenOutputs;
  settings: GateSettings;
}
