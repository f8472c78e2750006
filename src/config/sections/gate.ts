import { z } from 'zod';
import { probability, section } from '../fields.js';

export const gate = section(
  {
    learningExponent: z
      .number()
      .min(0.01)
      .max(2)
      .default(0.3)
      .describe('Errors are expected to fall with the number of labels to the power of minus this'),
    gainSpread: z
      .number()
      .min(0.001)
      .max(1)
      .default(0.03)
      .describe('Standard deviation of what new labels bring about what is expected of them'),
    evidenceSpread: z
      .number()
      .min(0)
      .max(1)
      .default(0.03)
      .describe('Standard deviation of what evidence misses, however much of it there is'),
    unknownAurocMargin: probability
      .default(0.02)
      .describe('By so much may the AUROC of unknown things fall'),
    minHoldoutSamples: z
      .int()
      .min(1)
      .default(20)
      .describe('With fewer holdout samples it gives no figures by itself'),
    holdoutAloneSamples: z
      .int()
      .min(1)
      .default(300)
      .describe(
        'With fewer holdout samples, training samples join them, answered by left-out heads',
      ),
    shadowLabels: z
      .int()
      .min(0)
      .max(10_000)
      .default(50)
      .describe('Labels for which the replaced head is kept beside the new one; 0 = off'),
    rollbackAlarm: z
      .number()
      .min(2)
      .max(1_000_000)
      .default(10)
      .describe('Odds for the head in the shadow that always suffice (10: error 10 %)'),
    trialAlarm: z
      .number()
      .gt(1)
      .max(1_000_000)
      .default(3)
      .describe('Such odds are asked for at least, when the gate itself was unsure'),
  },
  'What a new head must show before and after it serves',
);
