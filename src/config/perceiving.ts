import { z } from 'zod';
import { milliseconds, name, probability, section } from './fields.js';

export const models = section(
  {
    backbone: name('Model card of the backbone: see `headland models list`').default(
      'efficientnet-lite0-288',
    ),
    cardsDir: z
      .string()
      .nullable()
      .default(null)
      .describe('Folder of your own model cards, looked at before those that come along'),
    mirrors: z
      .array(z.string().min(1))
      .max(16)
      .default([])
      .describe('Folders or http(s) URLs asked first for model files'),
    allowDownload: z
      .boolean()
      .default(true)
      .describe('False: only mirrors that are folders, files and the cache'),
    pipCommand: z
      .array(z.string().min(1))
      .min(1)
      .default(['python3', '-m', 'pip'])
      .describe('How pip is called for cards that come from a Python package'),
    downloadTimeoutMs: milliseconds(1_000, 3_600_000).default(300_000),
    maxBytes: z.int().min(1_000).max(4_000_000_000).default(500_000_000),
  },
  'Where backbones come from',
);

export const inference = section(
  {
    threads: z
      .int()
      .min(1)
      .max(16)
      .default(1)
      .describe('Intra-op threads of an ONNX backbone; TensorFlow.js takes its own'),
    fit: z
      .enum(['squash', 'crop'])
      .default('squash')
      .describe('How a frame becomes a square: squash keeps all of it, crop its centre'),
    maxPictureBytes: z.int().min(1_024).max(67_108_864).default(8_388_608),
    maxPicturePixels: z.int().min(4_096).max(268_402_689).default(25_000_000),
    topK: z.int().min(1).max(20).default(3).describe('Labels with probabilities per prediction'),
    minProbability: probability.default(0.5).describe('Below this the decision is `unknown`'),
    unknownAlpha: probability
      .default(0.05)
      .describe('Share of known things that may be called `unknown` for looking strange; 0 = off'),
  },
  'How a frame becomes a decision',
);
