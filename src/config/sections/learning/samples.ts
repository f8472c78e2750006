import { z } from 'zod';
import { isLabel } from '../../../base/words/label.js';
import { MAX_LABEL_CHARACTERS } from '../../../base/words/label-limits.js';
import { milliseconds, probability, section } from '../../fields.js';

export const samples = section(
  {
    groupWindowMs: milliseconds(0, 3_600_000)
      .default(30_000)
      .describe(
        'Frames of a camera captured within this window form one group. In imports, a longer pause between capture times starts a new group',
      ),
    groupRadiusMeters: z
      .number()
      .min(0.01)
      .max(1_000)
      .nullable()
      .default(2)
      .describe(
        'A frame joins the group of the nearest sample of an earlier pass within this distance, where both positions are at least this accurate; null = off',
      ),
    holdoutShare: z
      .number()
      .min(0.05)
      .max(0.5)
      .default(0.2)
      .describe('Share of groups in the holdout, chosen by hash: no head is ever trained on them'),
    holdoutAfterSamples: z
      .int()
      .min(0)
      .max(100_000)
      .default(60)
      .describe('Number of training samples of a class before any of its groups is held out'),
    recentFrames: z
      .int()
      .min(1)
      .max(10_000)
      .default(256)
      .describe('Number of recent frames kept in memory, so that they can still be labelled'),
    recentMaxBytes: z.int().min(65_536).max(1_073_741_824).default(16_777_216),
    maxPictureStoreBytes: z
      .int()
      .min(1_000_000)
      .default(4_000_000_000)
      .describe(
        'Near this size images of labelled samples are removed, the most redundant of the largest classes first; labels and features are kept. Where none may be removed, no new image is stored and an alarm is raised',
      ),
    minPicturesPerClass: z
      .int()
      .min(1)
      .max(1_000_000)
      .nullable()
      .default(50)
      .describe(
        'Images of a class, inside and outside the holdout each, that are never removed; null = no image is removed, and near maxPictureStoreBytes no new one is stored',
      ),
    trashDays: z
      .number()
      .min(0)
      .max(3_650)
      .default(7)
      .describe(
        'Days for which removed samples can be restored; where room is needed, they go before any other image',
      ),
    minFreeBytes: z
      .int()
      .min(0)
      .default(100_000_000)
      .describe(
        'While the file system has less free space, no new image is stored and an alarm is raised',
      ),
    askBelowProbability: probability
      .default(0.6)
      .describe('A frame whose label is less probable than this is stored and waits for a label'),
    askMaxWaiting: z
      .int()
      .min(0)
      .max(100_000)
      .default(200)
      .describe('Maximum number of frames that wait for a label; the oldest is removed first'),
    askIntervalMs: milliseconds(0, 86_400_000)
      .default(10_000)
      .describe('Minimum time between two frames of a camera that ask for a label'),
    askWhenFullIntervalMs: milliseconds(0, 86_400_000)
      .default(600_000)
      .describe(
        'The same while askMaxWaiting frames wait: each new one replaces the oldest, which wears the card',
      ),
    nothingLabel: z
      .string()
      .min(1)
      .max(MAX_LABEL_CHARACTERS)
      .refine(isLabel, 'cannot be a label')
      .nullable()
      .default(null)
      .describe(
        'Label that the page offers for an image that shows none of the things; null = a class named nothing, none, background, empty or the like, else "nothing"',
      ),
  },
  'Which frames are stored',
);
