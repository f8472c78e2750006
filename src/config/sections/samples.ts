import { z } from 'zod';
import { milliseconds, probability, section } from '../fields.js';

export const samples = section(
  {
    groupWindowMs: milliseconds(0, 3_600_000)
      .default(30_000)
      .describe(
        'Frames of a camera captured within this window are one group; in imports, pictures between whose capture times no longer pause lies',
      ),
    holdoutShare: z
      .number()
      .min(0.05)
      .max(0.5)
      .default(0.2)
      .describe('Share of groups, by hash, that are held out: no head is ever trained on them'),
    holdoutAfterSamples: z
      .int()
      .min(0)
      .max(100_000)
      .default(60)
      .describe('A class has so many training samples before any of it is held out'),
    recentFrames: z
      .int()
      .min(1)
      .max(10_000)
      .default(256)
      .describe('Frames kept in memory so that a label can still find its picture'),
    recentMaxBytes: z.int().min(65_536).max(1_073_741_824).default(16_777_216),
    maxPictureStoreBytes: z
      .int()
      .min(1_000_000)
      .default(4_000_000_000)
      .describe('Above this no new picture is admitted and an event says so'),
    askBelowProbability: probability
      .default(0.6)
      .describe('A frame decided below this is kept and asks for a label'),
    askMaxWaiting: z
      .int()
      .min(0)
      .max(100_000)
      .default(200)
      .describe('Frames that may wait for a label; the oldest goes first'),
    askIntervalMs: milliseconds(0, 86_400_000)
      .default(10_000)
      .describe('At most one frame per camera asks in this time'),
  },
  'Which frames are kept',
);
