import { z } from 'zod';
import { milliseconds, section } from '../../fields.js';

const MAX_LABELS = 4_096;
/** As the contract between robots and the hub. */
const MAX_OBJECT_BYTES = 268_435_456;

export const fleet = section(
  {
    enabled: z
      .boolean()
      .default(false)
      .describe('Learn with the other robots of a hub (`headland fleet serve`)')
      .meta({ requiresRestart: true }),
    share: z
      .boolean()
      .default(true)
      .describe('Send sums over samples; false: the hub also forgets what it has of this robot'),
    neverShare: z
      .array(z.string().min(1).max(255))
      .max(MAX_LABELS)
      .default([])
      .describe('Labels whose samples are in nothing that is sent'),
    minSamplesPerClass: z
      .int()
      .min(2)
      .max(1_000_000)
      .default(5)
      .describe(
        'A class with fewer training samples is not sent, and no class again before so many of its samples have changed: the sum of one, or the difference, is that sample',
      ),
    follow: z
      .boolean()
      .default(true)
      .describe('Take heads of the fleet; the gate of this robot decides on each'),
    blend: z
      .boolean()
      .default(true)
      .describe(
        'Give the samples of this robot more weight in its head, as far as that helps here',
      ),
    intervalMs: milliseconds(1_000, 604_800_000)
      .default(3_600_000)
      .describe('Least time between two contributions of a task'),
    privacy: section(
      {
        epsilon: z
          .number()
          .positive()
          .max(100)
          .nullable()
          .default(null)
          .describe('Adds Gaussian noise to all that is sent, for (epsilon, delta); null = none'),
        delta: z.number().positive().max(0.1).default(0.00001),
        releases: z
          .int()
          .min(1)
          .max(10_000)
          .default(12)
          .describe('Contributions for which epsilon holds together; then nothing more is sent'),
      },
      'Differential privacy of what is sent; see docs/explanation/privacy.md',
    ),
    maxObjectBytes: z
      .int()
      .min(65_536)
      .max(MAX_OBJECT_BYTES)
      .default(67_108_864)
      .describe('Largest object that is fetched from the hub'),
  },
  'Learning with other robots: sums go out, heads come in; no picture moves',
);
