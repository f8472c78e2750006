import { z } from 'zod';
import { probability, section } from '../fields.js';

export const inference = section(
  {
    threads: z
      .int()
      .min(1)
      .max(16)
      .default(1)
      .describe('Intra-op threads of an ONNX backbone; TensorFlow.js chooses its own number'),
    executionProvider: z
      .enum(['cpu', 'cuda', 'tensorrt', 'qnn'])
      .default('cpu')
      .describe(
        'Where ONNX Runtime computes the backbone of frames; the CPU replaces what cannot be opened',
      ),
    libraryPath: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Folder of an ONNX Runtime that you have built (onnxruntime_binding.node, libonnxruntime.so.1); null = the one of the package',
      )
      .meta({ requiresRestart: true, onlyByHand: true }),
    fit: z
      .enum(['squash', 'crop'])
      .default('squash')
      .describe('How a frame is made square: squash keeps the whole frame, crop its centre'),
    maxPictureBytes: z.int().min(1_024).max(67_108_864).default(8_388_608),
    maxPicturePixels: z.int().min(4_096).max(268_402_689).default(25_000_000),
    maxFramesPerSecond: z
      .number()
      .min(0.01)
      .max(1_000)
      .nullable()
      .default(null)
      .describe('Maximum frames per second over all cameras, to save power; null = no limit'),
    topK: z
      .int()
      .min(1)
      .max(20)
      .default(3)
      .describe('Number of labels with probabilities in a prediction'),
    maxErrorShare: z
      .number()
      .min(0.001)
      .max(0.9)
      .default(0.1)
      .describe(
        'Largest allowed share of wrong answers among those not marked as guesses, estimated by leave-group-out',
      ),
    unknownAlpha: probability
      .default(0.05)
      .describe('Largest allowed share of known things reported as `unknown`; 0 = off'),
  },
  'How a frame becomes a decision',
);
