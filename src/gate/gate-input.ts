import type { Evidence } from './evidence.js';
import type { GoldenOutputs } from './golden.js';
import type { UnknownScores } from './unknown-auroc.js';

/** What the gate believes beforehand; docs/explanation/gate.md says why it is as it is. */
export interface GateSettings {
  /** Errors fall with the number of labels to the power of minus this. */
  learningExponent: number;
  /** Standard deviation of a gain about what is expected of it, however little that is; 0..1. */
  gainSpread: number;
  /** Standard deviation of what evidence misses, however much there is; 0..1. */
  evidenceSpread: number;
  /** By so much may the AUROC of unknowns fall, 0..1. */
  unknownAurocMargin: number;
}

/** Everything that a decision rests on: whoever has it can decide again. Plain JSON. */
export interface GateInput extends Evidence {
  challengerLabels: string[];
  /** Every label that still has a sample in the store, whatever its number. */
  labelsWithSamples: string[];
  /** How strange holdout samples look to both; null: not measured for both. */
  unknownScores: UnknownScores[] | null;
  /** What the head answered before it was written, and what it answers as read back. */
  golden: GoldenOutputs;
  settings: GateSettings;
}
