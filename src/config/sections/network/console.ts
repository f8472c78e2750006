import { z } from 'zod';
import { secret, section } from '../../fields.js';

export const console = section(
  {
    enabled: z.boolean().default(true),
    host: z.string().min(1).default('127.0.0.1'),
    port: z.int().min(0).max(65_535).default(8_090).describe('0 = any free port'),
    maxImportBytes: z
      .int()
      .min(1_000_000)
      .default(2_000_000_000)
      .describe(
        'Maximum size of an image or archive that the page imports, and of what is unpacked',
      ),
    token: secret.nullable().default(null).describe('Required when host is not loopback'),
  },
  'The local web page',
);
