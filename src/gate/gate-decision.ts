import { z } from 'zod';

const count = z.int().min(0);

/** A decision of the gate as it is stored. */
export const gateDecisionSchema = z.object({
  promote: z.boolean(),
  reason: z.string(),
  evidence: z.enum(['holdout', 'leave-group-out', 'none']),
  samples: count,
  checks: z.array(
    z.object({
      /** Earlier rules had checks of other names. */
      name: z.string(),
      passed: z.boolean(),
      detail: z.string(),
      values: z.record(z.string(), z.union([z.number(), z.array(z.string())])),
    }),
  ),
});

/** What the gate decided and why. `reason`: one short sentence, then the figures behind it. */
export type GateDecision = z.infer<typeof gateDecisionSchema>;
