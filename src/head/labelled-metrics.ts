import { z } from 'zod';
import { classificationMetrics } from './metrics.js';

const count = z.int().min(0);

/** {@link LabelledMetrics} as they are stored and sent. */
export const metricsSchema = z.object({
  /** Class names; index = row and column of `confusion`. */
  labels: z.array(z.string()),
  samples: count,
  accuracy: z.number(),
  macroPrecision: z.number(),
  macroRecall: z.number(),
  macroF1: z.number(),
  weightedF1: z.number(),
  macroAuc: z.number().nullable(),
  microAuc: z.number().nullable(),
  logLoss: z.number(),
  ece: z.number(),
  confusion: z.array(z.array(count)),
  perClass: z.array(
    z.object({
      precision: z.number(),
      recall: z.number(),
      f1: z.number(),
      auc: z.number().nullable(),
      support: count,
    }),
  ),
});

/** Classification metrics with the names of their classes. */
export type LabelledMetrics = z.infer<typeof metricsSchema>;

/**
 * Metrics of answers against the truth, over every class of the head and of the truth. A class that
 * the head does not know has probability 0 and only wrong answers.
 *
 * @param probabilities n x C, row-major, C in the order of `labels`.
 * @returns Null without a sample.
 */
export function labelledMetrics(
  probabilities: Float64Array,
  labels: readonly string[],
  truth: readonly string[],
): LabelledMetrics | null {
  if (truth.length === 0) return null;
  const all = [...new Set([...labels, ...truth])].sort();
  const columnOf = new Map(all.map((label, i) => [label, i]));
  const wide = new Float64Array(truth.length * all.length);
  for (let row = 0; row < truth.length; row++) {
    labels.forEach((label, c) => {
      const column = columnOf.get(label) as number;
      wide[row * all.length + column] = probabilities[row * labels.length + c] as number;
    });
  }
  const indices = Int32Array.from(truth, (label) => columnOf.get(label) as number);
  return { labels: all, ...classificationMetrics(wide, indices, all.length) };
}
