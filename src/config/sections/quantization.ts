import { z } from 'zod';
import { probability, section } from '../fields.js';

export const quantization = section(
  {
    minFrames: z
      .int()
      .min(8)
      .max(10_000)
      .default(32)
      .describe('Minimum number of images needed to make an 8-bit backbone'),
    maxFrames: z
      .int()
      .min(8)
      .max(10_000)
      .default(128)
      .describe('Number of images used to measure ranges and to compare features'),
    minCosine: probability
      .default(0.98)
      .describe('Minimum mean cosine between 8-bit and 32-bit features'),
    maxAccuracyLoss: probability
      .default(0.005)
      .describe('Largest allowed loss of accuracy against 32 bits (0.005: half a point)'),
    minLabelled: z
      .int()
      .min(20)
      .max(100_000)
      .default(200)
      .describe(
        'Minimum number of labelled samples to compare accuracy; below it, only features are compared',
      ),
    maxLabelled: z
      .int()
      .min(20)
      .max(100_000)
      .default(600)
      .describe('Maximum number of labelled samples used to compare accuracy'),
  },
  'When `headland models quantize` keeps the 8-bit backbone',
);
