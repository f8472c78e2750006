import { z } from 'zod';

/** When two consecutive images show different scenes. */
const changeSchema = z.object({
  /** Log-odds of a change where images differ by {@link REFERENCE}; nats. */
  offset: z.number().min(-20).max(20),
  /** Increase of the log-odds for each e-fold of the distance of features; nats. */
  perLogDistance: z.number().min(0).max(20),
  /** Increase of the log-odds for each differing bit of the perceptual hashes; nats. */
  perBit: z.number().min(0).max(2),
});

/** {@link BeliefParameters} as they are stored. */
export const beliefParametersSchema = z.object({
  /**
   * Correlation of errors between frames of one scene, 0..1: k different frames count as k / (1 +
   * (k - 1) correlation) independent ones.
   */
  correlation: z.number().min(0).max(1),
  change: changeSchema,
});

/** The parameters of a decision over time that are learnt from scenes. */
export type BeliefParameters = z.infer<typeof beliefParametersSchema>;

/** Difference of two images at which the log-odds of a change are the offset. */
export const REFERENCE = { distance: 0.3, bits: 20 };

/** Chosen on the training parts of bench `belief`; without labels it prefers to detect a change. */
export const DEFAULT_BELIEF: BeliefParameters = {
  correlation: 0.3,
  change: { offset: 0, perLogDistance: 2, perBit: 0.05 },
};
