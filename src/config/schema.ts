import { z } from 'zod';
import { camera } from './cameras.js';
import { milliseconds, name, type secret, section } from './fields.js';
import { augmentation, gate, heads, samples, training } from './learning.js';
import { board, inference, models, quantization } from './perceiving.js';
import { alerts, console, embeddedBroker, gpio, mqtt } from './reporting.js';

/**
 * Every setting of headland: its unit (in the name), its bounds, its default and what it does.
 * This one schema validates the file, types the program and prints the JSON Schema for editors.
 */
export const configSchema = z.strictObject({
  robot: section(
    {
      id: name('Identity in topics: headland/<id>/…').default('robot'),
    },
    'Who this robot is',
  ),
  paths: section(
    {
      stateDir: z
        .string()
        .min(1)
        .default('/var/lib/headland')
        .describe('Samples, heads, outbox. Back this up'),
      cacheDir: z
        .string()
        .min(1)
        .default('/var/cache/headland')
        .describe('Converted backbones; can be fetched again'),
    },
    'Where headland writes, besides a private folder below the temporary directory',
  ),
  models,
  inference,
  quantization,
  board,
  cameras: z
    .array(camera)
    .min(1)
    .max(8)
    .prefault([{ driver: 'auto' }])
    .describe('One entry a camera; names must differ'),
  cameraBackoff: section(
    {
      initialMs: milliseconds(10, 60_000).default(500),
      maxMs: milliseconds(100, 600_000).default(30_000),
    },
    'Full-jitter back-off between attempts to open a camera again; attempts never end',
  ),
  samples,
  augmentation,
  training,
  gate,
  heads,
  mqtt,
  embeddedBroker,
  gpio,
  alerts,
  console,
  log: section(
    { level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info') },
    'Logging to standard output',
  ),
});

export type Config = z.infer<typeof configSchema>;
export type CameraConfig = Config['cameras'][number];
export type AlertRuleConfig = Config['alerts']['rules'][number];
export type SecretReference = z.infer<typeof secret>;
