import { z } from 'zod';
import { milliseconds, section } from '../fields.js';

export const training = section(
  {
    everyNewLabels: z
      .int()
      .min(0)
      .default(20)
      .describe(
        'Train after so many new labels, the first time after 10, and when there is a new class; 0 = off',
      ),
    instant: z
      .boolean()
      .default(true)
      .describe(
        'Labels show in decisions at once, and the first ones make a head, before any training',
      ),
    cron: z.string().nullable().default(null).describe('Cron expression (UTC); null = off'),
    minLabels: z.int().min(4).default(4).describe('Below this training is refused'),
    minLabelsPerClass: z
      .int()
      .min(2)
      .default(2)
      .describe('A class with fewer is left out, and named'),
    learners: z
      .array(z.enum(['ridge', 'softmax', 'blend', 'tf-layers']))
      .min(1)
      .default(['ridge', 'softmax', 'blend'])
      .describe(
        'Tried on every training; the best by leave-group-out is kept. tf-layers needs TensorFlow.js and takes minutes without its native engine',
      ),
    classGaussians: z
      .boolean()
      .default(true)
      .describe('A Gaussian per class answers beside the linear layer'),
    searchBudgetMs: milliseconds(0, 86_400_000)
      .default(120_000)
      .describe('After this no further recipe is tried; the first is always finished'),
    maxDurationMs: milliseconds(10_000, 86_400_000)
      .default(3_600_000)
      .describe('A training that takes longer is ended; the old head goes on serving'),
    nice: z.int().min(0).max(19).default(19),
    maxOldSpaceMegabytes: z.int().min(64).max(16_384).default(512),
  },
  'When and how a head is trained',
);
