import { z } from 'zod';

const count = z.int().min(0);

/** How a decision of the gate is written down. */
export const gateDecisionSchema = z.object({
  promote: z.boolean(),
  reason: z.string(),
  evidence: z.enum(['holdout', 'leave-group-out', 'none']),
  samples: count,
  checks: z.array(
    z.object({
      /** Heads of earlier rules had others than those of today. */
      name: z.string(),
      passed: z.boolean(),
      detail: z.string(),
      values: z.record(z.string(), z.union([z.number(), z.array(z.string())])),
    }),
  ),
});

/** What the gate decided and why. `reason`: one short sentence, then the figures behind it. */
export type GateDecision = z.infer<typeof gateDecisionSchema>;
