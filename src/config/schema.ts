import { z } from 'zod';
import { name, type secret, section } from './fields.js';
import { alerts } from './sections/alerts.js';
import { backup } from './sections/backup.js';
import { board } from './sections/board.js';
import { cameraBackoff, cameras } from './sections/cameras.js';
import { gpio } from './sections/gpio.js';
import { inference } from './sections/inference.js';
import { augmentation } from './sections/learning/augmentation.js';
import { gate } from './sections/learning/gate.js';
import { heads } from './sections/learning/heads.js';
import { samples } from './sections/learning/samples.js';
import { tasks } from './sections/learning/tasks.js';
import { training } from './sections/learning/training.js';
import { models } from './sections/models.js';
import { console } from './sections/network/console.js';
import { embeddedBroker } from './sections/network/embedded-broker.js';
import { fleet } from './sections/network/fleet.js';
import { mqtt } from './sections/network/mqtt.js';
import { sync } from './sections/network/sync.js';
import { position } from './sections/position.js';
import { quantization } from './sections/quantization.js';

/**
 * Every setting of headland, with its unit (in the name), bounds, default and description. The
 * validation, the TypeScript types and the JSON Schema for editors all derive from this schema.
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
        .describe('Samples, heads, outbox. Back this up')
        .meta({ requiresRestart: true }),
      cacheDir: z
        .string()
        .min(1)
        .default('/var/cache/headland')
        .describe('Converted backbones, which can be fetched again'),
    },
    'Where headland writes, besides a private folder below the temporary directory',
  ),
  models,
  inference,
  quantization,
  board,
  cameras,
  cameraBackoff,
  tasks,
  samples,
  backup,
  augmentation,
  training,
  gate,
  heads,
  mqtt,
  embeddedBroker,
  gpio,
  alerts,
  position,
  console,
  sync,
  fleet,
  log: section(
    {
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
      format: z
        .enum(['auto', 'text', 'json'])
        .default('auto')
        .describe('auto: readable text on the systemd journal, else one JSON object a line'),
    },
    'Logging to standard output',
  ),
});

export type Config = z.infer<typeof configSchema>;
export type CameraConfig = Config['cameras'][number];
export type AlertRuleConfig = Config['alerts']['rules'][number];
export type ExecutionProvider = Config['inference']['executionProvider'];
export type AlertCondition = AlertRuleConfig['on'][number];
export type SecretReference = z.infer<typeof secret>;
