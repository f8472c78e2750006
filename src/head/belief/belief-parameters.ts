import { z } from 'zod';

/** When two pictures, one after the other, show another scene. */
const changeSchema = z.object({
  /** Log-odds of a change where pictures differ as much as {@link REFERENCE} says; nats. */
  offset: z.number().min(-20).max(20),
  /** What each e-fold of the distance of features adds to them; nats. */
  perLogDistance: z.number().min(0).max(20),
  /** What each differing bit of the perceptual hashes adds to them; nats. */
  perBit: z.number().min(0).max(2),
});

/** {@link BeliefParameters} as they are written to disk. @internal until tasks are wired */
export const beliefParametersSchema = z.object({
  /**
   * How far frames of one scene are wrong together, 0..1: k frames that look different count as
   * k / (1 + (k - 1) correlation) independent ones.
   */
  correlation: z.number().min(0).max(1),
  change: changeSchema,
});

/** What a decision over time has learnt about scenes. */
export type BeliefParameters = z.infer<typeof beliefParametersSchema>;

/** Pictures that differ so much are what the offset of the log-odds speaks of. */
export const REFERENCE = { distance: 0.3, bits: 20 };

/** Chosen on the training parts of bench `belief`: without labels it errs towards a change. */
export const DEFAULT_BELIEF: BeliefParameters = {
  correlation: 0.3,
  change: { offset: 0, perLogDistance: 2, perBit: 0.05 },
};
