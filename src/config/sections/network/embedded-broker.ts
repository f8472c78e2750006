import { z } from 'zod';
import { DEFAULT_BROKER_PORT } from '../../default-ports.js';
import { section } from '../../fields.js';

export const embeddedBroker = section(
  {
    port: z
      .int()
      .min(0)
      .max(65_535)
      .default(DEFAULT_BROKER_PORT)
      .describe('On loopback; 0 = any free port'),
    maxConnections: z.int().min(1).max(10_000).default(32),
  },
  'Started on 127.0.0.1 when mqtt.url is null',
);
