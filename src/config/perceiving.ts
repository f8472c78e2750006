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
    maxFramesPerSecond: z
      .number()
      .min(0.01)
      .max(1_000)
      .nullable()
      .default(null)
      .describe('At most so many frames, over all cameras, to save power; null = no limit'),
    topK: z.int().min(1).max(20).default(3).describe('Labels with probabilities per prediction'),
    maxErrorShare: z
      .number()
      .min(0.001)
      .max(0.9)
      .default(0.1)
      .describe(
        'Of the answers that are not marked as guesses at most this share is wrong, as far as left-out answers can promise',
      ),
    unknownAlpha: probability
      .default(0.05)
      .describe('Share of known things that may be called `unknown` for looking strange; 0 = off'),
  },
  'How a frame becomes a decision',
);

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

const celsius = z.number().min(-40).max(150);

export const board = section(
  {
    checkIntervalMs: milliseconds(500, 600_000)
      .default(10_000)
      .describe('Between two looks at temperature, supply and battery'),
    slowAboveC: celsius
      .default(78)
      .describe('From here on, or when the board throttles itself, frames get slower step by step'),
    fasterBelowC: celsius.default(72).describe('Down from here they get faster again'),
    minFramesPerSecond: z
      .number()
      .min(0.01)
      .max(1_000)
      .default(1)
      .describe('Heat and a weak supply never slow it down below this'),
    trainBelowC: celsius
      .default(70)
      .describe('No training starts at or above this; it starts when the board has cooled'),
    batteryLowPercent: z
      .number()
      .min(0)
      .max(100)
      .default(15)
      .describe('A battery that discharges and holds no more than this is low; 0 = off'),
    batteryMaxFramesPerSecond: z
      .number()
      .min(0.01)
      .max(1_000)
      .default(2)
      .describe('Frames a second while the battery is low'),
  },
  'How the daemon spares a board that is hot, weakly supplied or nearly empty',
);
