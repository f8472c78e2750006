import type { AlertEvent } from '../../../alerts/rules.js';

/** What the actions of a rule have made of an alert. */
export interface AlertEvidence {
  /** The sample that keeps the frame; null: none. */
  sampleId: string | null;
  /** File name of the clip below the folder of clips; null: none. */
  clip: string | null;
}

/** Carries out what a rule asks for beside its output and its event. */
export interface AlertActor {
  raised(alert: AlertEvent): AlertEvidence;
}

export const NO_EVIDENCE: AlertEvidence = { sampleId: null, clip: null };
export const NO_ACTIONS: AlertActor = { raised: () => NO_EVIDENCE };
