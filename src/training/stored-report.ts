import { z } from 'zod';
import { withPresentNames } from '../base/words/old-names.js';
import { metricsSchema } from '../head/labelled-metrics.js';
import { TRAINING_OUTCOMES } from './report.js';

/** The part of a {@link TrainingReport} that is read after a restart. */
const storedReportSchema = z.object({
  trainingId: z.string(),
  trigger: z.string(),
  outcome: z.enum(TRAINING_OUTCOMES),
  reason: z.string(),
  /** ISO 8601, UTC. */
  finishedAt: z.string(),
  durationMs: z.number(),
  /** Null unless the job reached its end. */
  result: z
    .object({
      version: z.int().min(1),
      learner: z.string(),
      holdout: metricsSchema.nullable(),
      durationsMs: z.record(z.string(), z.number()),
    })
    .nullable(),
});

export type StoredReport = z.infer<typeof storedReportSchema>;

/** Null for a report of another version of headland. */
export function parseReport(value: unknown): StoredReport | null {
  return storedReportSchema.safeParse(withPresentNames(value)).data ?? null;
}
