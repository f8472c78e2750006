import { z } from 'zod';
import { section } from '../fields.js';

export const backup = section(
  {
    enabled: z
      .boolean()
      .default(true)
      .describe('Back up labels, features, history and heads by itself; pictures are left out'),
    folder: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Where automatic backups are; null = backups, in paths.stateDir. Best on another disk',
      ),
    everyHours: z
      .number()
      .min(1)
      .max(8_760)
      .default(24)
      .describe('A backup is made at the latest after this time, hours, if anything has changed'),
    afterLabels: z
      .number()
      .int()
      .min(1)
      .default(200)
      .describe('A backup is made after this many labels, but at most once an hour'),
    keep: z.number().int().min(1).max(1_000).default(3).describe('Number of automatic backups'),
    maxBytes: z
      .number()
      .int()
      .min(1_000_000)
      .default(1_000_000_000)
      .describe('Size of all automatic backups together; the newest is kept whatever its size'),
  },
  'Automatic backups',
);
