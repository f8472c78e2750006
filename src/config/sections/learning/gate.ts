import { z } from 'zod';
import { probability, section } from '../../fields.js';

export const gate = section(
  {
    learningExponent: z
      .number()
      .min(0.01)
      .max(2)
      .default(0.3)
      .describe('Exponent a: errors are expected to fall with the number n of labels as n^-a'),
    gainSpread: z
      .number()
      .min(0.001)
      .max(1)
      .default(0.03)
      .describe('Standard deviation of the actual gain of new labels around the expected gain'),
    evidenceSpread: z
      .number()
      .min(0)
      .max(1)
      .default(0.03)
      .describe(
        'Standard deviation of those errors of the evidence that more samples do not reduce',
      ),
    unknownAurocMargin: probability
      .default(0.02)
      .describe('Largest allowed drop in the AUROC of unknown things'),
    minHoldoutSamples: z
      .int()
      .min(1)
      .default(20)
      .describe(
        'Minimum number of holdout samples from which the holdout can be used without training samples',
      ),
    holdoutAloneSamples: z
      .int()
      .min(1)
      .default(300)
      .describe(
        'Below this number of holdout samples, training samples judged by leave-group-out are added',
      ),
    shadowLabels: z
      .int()
      .min(0)
      .max(10_000)
      .default(50)
      .describe('Number of labels during which the replaced head stays in the shadow; 0 = off'),
    rollbackAlarm: z
      .number()
      .min(2)
      .max(1_000_000)
      .default(10)
      .describe('Odds at which the shadow head always takes over (10: error rate 10 %)'),
    trialAlarm: z
      .number()
      .gt(1)
      .max(1_000_000)
      .default(3)
      .describe('Minimum odds at which the shadow head takes over when the gate was unsure'),
  },
  'What a new head must prove before and after it serves',
);
