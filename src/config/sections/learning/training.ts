import { z } from 'zod';
import { milliseconds, section } from '../../fields.js';

export const training = section(
  {
    everyNewLabels: z
      .int()
      .min(0)
      .default(20)
      .describe(
        'Train after this many new labels (the first time after 10) and for each new class; 0 = off',
      ),
    instant: z
      .boolean()
      .default(true)
      .describe('Labels affect decisions at once, before any training'),
    cron: z.string().nullable().default(null).describe('Cron expression (UTC); null = off'),
    minLabels: z.int().min(4).default(4).describe('Minimum number of labels for a training'),
    minLabelsPerClass: z
      .int()
      .min(2)
      .default(2)
      .describe('Minimum number of labels of a class; smaller classes are left out and named'),
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
      .describe('Combine one Gaussian per class with the linear layer'),
    searchBudgetMs: milliseconds(0, 86_400_000)
      .default(120_000)
      .describe('Time after which no further recipe is tried; the first is always completed'),
    maxFeatureBytes: z
      .int()
      .min(1_000_000)
      .max(16_000_000_000)
      .default(400_000_000)
      .describe(
        'Most memory for the features of a training, bytes; the whole training needs about 3.5 times as much. With very many samples it learns fewer augmented views of each, at last none',
      ),
    maxDurationMs: milliseconds(10_000, 86_400_000)
      .default(3_600_000)
      .describe('Time after which a training is stopped; the old head continues to serve'),
    nice: z
      .int()
      .min(0)
      .max(19)
      .default(10)
      .describe(
        'Niceness of the training, added to that of the daemon: at 10 it gets a tenth of a core that a frame wants',
      ),
    maxOldSpaceMegabytes: z.int().min(64).max(16_384).default(512),
  },
  'When and how a head is trained',
);
