import { z } from 'zod';
import { milliseconds, secret, section } from '../../fields.js';

const outboxClass = (what: string, maxBytes: number | null = null) =>
  section(
    {
      maxBytes: z
        .int()
        .min(4_096)
        .nullable()
        .default(maxBytes)
        .describe('null = as much as mqtt.outboxMaxBytes leaves'),
      maxAgeMs: milliseconds(1_000, 31_536_000_000)
        .nullable()
        .default(null)
        .describe('null = as mqtt.outboxMaxAgeMs; the shorter one holds'),
      drop: z
        .enum(['oldest', 'newest'])
        .default('oldest')
        .describe('What goes when the class has reached maxBytes'),
    },
    what,
  );

const MAX_OTHER_BROKERS = 8;

const brokerUrl = z
  .string()
  .regex(/^(mqtts?|wss?|tcp|tls):\/\//, 'use mqtt://host:1883 or mqtts://host:8883');

export const mqtt = section(
  {
    url: brokerUrl
      .nullable()
      .default(null)
      .describe('Broker; null = the embedded broker below. wss://host/mqtt: through WebSocket'),
    otherUrls: z
      .array(brokerUrl)
      .max(MAX_OTHER_BROKERS)
      .default([])
      .describe('More brokers, tried in turn while those before cannot be used'),
    spreadBrokers: z
      .boolean()
      .default(false)
      .describe('Begin with another broker for each robot, by its client id, instead of with url'),
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
    connectSpreadMs: milliseconds(0, 3_600_000)
      .nullable()
      .default(null)
      .describe(
        'The first connection is made at a random time within this, so that robots that are switched on together do not connect together; null = 5000, for a broker on this board backoffInitialMs',
      ),
    commandMaxBytes: z.int().min(256).max(1_048_576).default(16_384),
    commandsPerMinute: z.int().min(1).max(60_000).default(600),
    commandKeys: z
      .array(
        z.strictObject({
          name: z.string().min(1).max(64),
          publicKey: z
            .string()
            .regex(
              /^ed25519:[A-Za-z0-9_-]{43}$/,
              'use the public key that `headland keys new` prints',
            ),
        }),
      )
      .max(64)
      .default([])
      .describe('Public keys whose signed commands are taken; `headland keys trust` adds others'),
    requireSignedCommands: z
      .boolean()
      .default(false)
      .describe('Refuses commands without signature'),
    homeAssistant: z
      .strictObject({
        enabled: z.boolean().default(false).describe('Publishes the device for Home Assistant'),
        discoveryPrefix: z
          .string()
          .min(1)
          .max(64)
          .regex(/^[^+#/]+$/, 'use one level of a topic')
          .default('homeassistant'),
        pictureIntervalMs: milliseconds(1_000, 1_800_000)
          .nullable()
          .default(null)
          .describe(
            'Sends the newest picture of each camera, cropped and masked as the camera settings say and at most 640 pixels wide, so often; null = no picture leaves the robot',
          ),
      })
      .prefault({}),
    predictionIntervalMs: milliseconds(0, 3_600_000)
      .default(0)
      .describe('Minimum time between predictions of a camera; 0 = every frame'),
    metricsIntervalMs: milliseconds(1_000, 86_400_000).default(60_000),
    outboxMaxBytes: z.int().min(65_536).default(67_108_864),
    outboxMaxAgeMs: milliseconds(60_000, 31_536_000_000).default(604_800_000),
    outboxClasses: section(
      {
        event: outboxClass('Events and alerts'),
        report: outboxClass('Reports of trainings'),
        metrics: outboxClass('Metrics and camera quality'),
        result: outboxClass('Answers to commands'),
        fleet: outboxClass('Parts of what is sent to the hub of a fleet', 50_331_648),
      },
      'Limits of single classes of messages that wait for the broker',
    ),
  },
  'Reports and commands',
);
