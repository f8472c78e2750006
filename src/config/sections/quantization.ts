import { z } from 'zod';
import { probability, section } from '../fields.js';

export const quantization = section(
  {
    minFrames: z
      .int()
      .min(8)
      .max(10_000)
      .default(32)
      .describe('With fewer pictures no 8-bit backbone is made'),
    maxFrames: z
      .int()
      .min(8)
      .max(10_000)
      .default(128)
      .describe('Pictures that ranges are measured and features compared on'),
    minCosine: probability
      .default(0.98)
      .describe('Mean cosine between 8-bit and 32-bit features below which it is not kept'),
    maxAccuracyLoss: probability
      .default(0.005)
      .describe('Share of labelled samples that may be lost against 32 bits (0.005: half a point)'),
    minLabelled: z
      .int()
      .min(20)
      .max(100_000)
      .default(200)
      .describe('With fewer labelled samples the features alone decide'),
    maxLabelled: z
      .int()
      .min(20)
      .max(100_000)
      .default(600)
      .describe('Labelled samples that accuracy is compared on'),
  },
  'When `headland models quantize` keeps what it made',
);
