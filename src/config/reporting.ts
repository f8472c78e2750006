import { z } from 'zod';
import { milliseconds, name, probability, secret, section } from './fields.js';

const alertRule = z.strictObject({
  name: name('Name of the rule: appears in events'),
  labels: z
    .array(z.string().min(1))
    .min(1)
    .max(64)
    .describe('Labels that raise it; "unknown" too, whatever minProbability'),
  camera: z.string().nullable().default(null).describe('Only this camera; null = any'),
  minProbability: probability.default(0.7).describe('Of the label, 0..1'),
  guesses: z.boolean().default(false).describe('Also answers that are marked as guesses raise it'),
  matches: z.int().min(1).max(1_000).default(3).describe('N: how many of the last M frames'),
  ofFrames: z.int().min(1).max(1_000).default(5).describe('M: the window, frames'),
  holdMs: milliseconds(0, 3_600_000)
    .default(1_000)
    .describe('The output stays on at least this long after the last match'),
  output: z.string().nullable().default(null).describe('Name of a GPIO output; null = event only'),
});

export const mqtt = section(
  {
    url: z
      .string()
      .regex(/^(mqtts?|wss?|tcp|tls):\/\//, 'use mqtt://host:1883 or mqtts://host:8883')
      .nullable()
      .default(null)
      .describe('Broker; null = the embedded broker below'),
    protocol: z
      .enum(['auto', '5', '3.1.1'])
      .default('auto')
      .describe('auto: MQTT 5, and 3.1.1 where the broker refuses it'),
    clientId: z.string().min(1).max(64).nullable().default(null).describe('null = headland-<id>'),
    username: z.string().nullable().default(null),
    password: secret.nullable().default(null),
    caFile: z.string().nullable().default(null),
    certFile: z.string().nullable().default(null),
    key: secret.nullable().default(null),
    keepaliveSeconds: z.int().min(5).max(3_600).default(30),
    willDelaySeconds: z.int().min(0).max(3_600).default(5).describe('MQTT 5 only'),
    sessionExpirySeconds: z.int().min(0).max(31_536_000).default(604_800).describe('MQTT 5 only'),
    maxInFlight: z.int().min(1).max(1_000).default(20),
    backoffInitialMs: milliseconds(50, 60_000).default(1_000),
    backoffMaxMs: milliseconds(1_000, 3_600_000).default(60_000),
    commandMaxBytes: z.int().min(256).max(1_048_576).default(16_384),
    commandsPerMinute: z.int().min(1).max(60_000).default(600),
    predictionIntervalMs: milliseconds(0, 3_600_000)
      .default(0)
      .describe('At least this long between predictions of a camera; 0 = every frame'),
    metricsIntervalMs: milliseconds(1_000, 86_400_000).default(60_000),
    outboxMaxBytes: z.int().min(65_536).default(67_108_864),
    outboxMaxAgeMs: milliseconds(60_000, 31_536_000_000).default(604_800_000),
  },
  'Reports and commands',
);

export const embeddedBroker = section(
  {
    port: z.int().min(0).max(65_535).default(1_883).describe('On loopback; 0 = any free port'),
    maxConnections: z.int().min(1).max(10_000).default(32),
  },
  'Started on 127.0.0.1 when mqtt.url is null',
);

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
  'Outputs that alerts switch',
);

export const alerts = section(
  { rules: z.array(alertRule).max(64).default([]) },
  'When to raise an alert',
);

export const console = section(
  {
    enabled: z.boolean().default(true),
    host: z.string().min(1).default('127.0.0.1'),
    port: z.int().min(0).max(65_535).default(8_090).describe('0 = any free port'),
    token: secret.nullable().default(null).describe('Needed when host is not loopback'),
  },
  'The local web page',
);
