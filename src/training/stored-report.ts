import { z } from 'zod';
import { withPresentNames } from '../base/words/old-names.js';
import { gateDecisionSchema } from '../gate/gate-decision.js';
import { metricsSchema } from '../head/labelled-metrics.js';
import { messageSchema, trustSchema } from '../registry/head-card.js';
import { TRAINING_OUTCOMES } from './report.js';

const count = z.int().min(0);

const answerSchema = z.object({ label: z.string(), confidence: z.number() });

const changedSchema = z.object({
  id: z.string(),
  truth: z.string(),
  before: answerSchema,
  now: answerSchema,
});

const scoreSchema = z.object({
  samples: count,
  holdout: count,
  groups: count,
  macroF1: z.number(),
  macroF1Lower: z.number(),
  macroF1Upper: z.number(),
  accuracy: z.number(),
  accuracyLower: z.number(),
  accuracyUpper: z.number(),
});

const effectSchema = z.object({
  since: count.nullable(),
  labels: z.array(z.object({ label: z.string(), labels: count })),
  corrected: count,
  removed: count,
  newClasses: z.array(z.string()),
  compared: count,
  nowRight: count,
  nowWrong: count,
  messages: z.array(messageSchema),
});

/** The part of a {@link TrainingReport} that is read after a restart. */
const storedReportSchema = z.object({
  trainingId: z.string(),
  trigger: z.string(),
  outcome: z.enum(TRAINING_OUTCOMES),
  /** Absent: an earlier headland wrote the report; so for all fields that may be absent. */
  verdict: messageSchema.optional(),
  reason: z.string(),
  error: z.object({ code: z.string(), message: z.string(), remedy: z.string() }).nullish(),
  /** ISO 8601, UTC. */
  finishedAt: z.string(),
  durationMs: z.number(),
  /** Null unless the job reached its end. */
  result: z
    .object({
      version: z.int().min(1),
      learner: z.string(),
      championVersion: count.nullish(),
      decision: gateDecisionSchema.optional(),
      score: scoreSchema.nullish(),
      gained: z.array(changedSchema).optional(),
      lost: z.array(changedSchema).optional(),
      effect: effectSchema.optional(),
      trust: trustSchema.optional(),
      samples: z.object({ training: count, holdout: count, skipped: count }).optional(),
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
