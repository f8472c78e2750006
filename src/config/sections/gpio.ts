import { z } from 'zod';
import { name, section } from '../fields.js';

export const gpio = section(
  {
    driver: z.enum(['none', 'onoff']).default('none'),
    outputs: z
      .array(
        z.strictObject({
          name: name('Name that alert rules use'),
          line: z.int().min(0).max(1_023).describe('Line number on the chip (BCM number on a Pi)'),
          chipLabel: z
            .string()
            .nullable()
            .default(null)
            .describe('Label of the GPIO chip; null = the first that has this line'),
          activeLow: z.boolean().default(false),
        }),
      )
      .max(64)
      .default([]),
  },
  'Outputs switched by alerts',
);
