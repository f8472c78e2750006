import { z } from 'zod';

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'use 1 to 63 letters, digits, "_", "." or "-"');
const ms = (least: number, most: number) => z.int().min(least).max(most);
const share = z.number().min(0).max(1);
const secret = z.union([
  z.strictObject({ file: z.string().min(1).describe('Path of a file with mode 0600') }),
  z.strictObject({
    credential: z.string().min(1).describe('Name given to LoadCredential= in the systemd unit'),
  }),
]);
const section = <T extends z.ZodRawShape>(shape: T, what: string) =>
  z
    .strictObject(shape)
    .prefault({} as never)
    .describe(what);

const mqtt = z.strictObject({
  url: z
    .string()
    .regex(/^(mqtts?|wss?):\/\/\S+$/, 'use mqtt://, mqtts://, ws:// or wss://')
    .describe('Broker of the robots'),
  otherUrls: z
    .array(z.string().regex(/^(mqtts?|wss?):\/\/\S+$/))
    .max(16)
    .default([])
    .describe('Further nodes of the broker, tried in turn'),
  protocol: z.enum(['auto', '5', '3.1.1']).default('auto'),
  clientId: name.nullable().default(null).describe('null: headland-hub-<replica>'),
  username: z.string().min(1).max(256).nullable().default(null),
  password: secret.nullable().default(null),
  caFile: z.string().min(1).nullable().default(null).describe('Certificates to trust, PEM'),
  certFile: z.string().min(1).nullable().default(null).describe('Certificate of the hub, PEM'),
  key: secret.nullable().default(null).describe('Private key of certFile'),
  keepaliveSeconds: z.int().min(5).max(600).default(30),
  sessionExpirySeconds: z
    .int()
    .min(0)
    .max(604_800)
    .default(3_600)
    .describe('How long the broker keeps messages for a hub that is away'),
  sharedSubscription: z
    .boolean()
    .default(true)
    .describe('Replicas divide the messages of robots among them, where the broker can do that'),
});

const http = section(
  {
    host: z.string().min(1).default('127.0.0.1'),
    port: z.int().min(0).max(65_535).default(8_790).describe('0: any free one'),
    certFile: z.string().min(1).nullable().default(null).describe('PEM; null: not encrypted'),
    key: secret.nullable().default(null).describe('Private key of certFile'),
    metricsOpen: z
      .boolean()
      .default(true)
      .describe('/metrics needs no token, for Prometheus on the same network'),
  },
  'Page and JSON API',
);

const learning = section(
  {
    basisDirections: z
      .union([z.literal('all'), z.int().min(2).max(4_096)])
      .default(256)
      .describe('Directions of features in which robots sum; "all": no basis is needed'),
    basisMinSamples: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(500)
      .describe('Samples in second moments that fix the basis'),
    roundIntervalMs: ms(1_000, 604_800_000)
      .default(600_000)
      .describe('Least time between the beginnings of two rounds of a task'),
    settleMs: ms(0, 3_600_000)
      .default(10_000)
      .describe(
        'A round begins when no sums have come for so long, or roundIntervalMs has passed twice',
      ),
    roundTimeoutMs: ms(1_000, 86_400_000)
      .default(120_000)
      .describe('Robots that have not judged by then are not waited for'),
    evaluationRobots: z
      .int()
      .min(0)
      .max(1_000)
      .default(64)
      .describe('Robots that judge in a round'),
    recomputeMs: ms(60_000, 604_800_000)
      .default(86_400_000)
      .describe('The merged sums are computed anew so often, and compared'),
  },
  'Merging and rounds',
);

const rollout = section(
  {
    stages: z
      .array(share)
      .min(1)
      .max(8)
      .default([0, 0.1, 1])
      .describe('Shares of the robots, ascending to 1; each stage has at least one robot'),
    stageMs: ms(0, 604_800_000).default(600_000).describe('Least time of a stage'),
    maxRefusedShare: share
      .default(0.5)
      .describe('More refusals among three or more answers stop the rollout'),
    maxRolledBackShare: share
      .default(0.1)
      .describe('More heads that robots rolled back stop the rollout'),
  },
  'How new heads reach the robots',
);

const quarantine = section(
  {
    flagFactor: z
      .number()
      .min(1)
      .default(4)
      .describe('A robot is flagged above the median log-loss plus so many robust deviations'),
    quarantineFactor: z.number().min(1).default(12).describe('As flagFactor, to quarantine it'),
    minExcess: z
      .number()
      .min(0)
      .default(1)
      .describe('Least log-loss above the median that counts, nats per sample'),
    minSamples: z.int().min(1).default(20).describe('Judged samples of a robot that count'),
    automatic: z.boolean().default(true).describe('false: the hub only flags'),
  },
  'Robots on whose samples heads of the others fail',
);

const limits = section(
  {
    maxRobots: z.int().min(1).max(1_000_000).default(20_000),
    maxTasks: z.int().min(1).max(1_000).default(64).describe('Tasks and backbones together'),
    maxObjectBytes: z.int().min(1_024).max(268_435_456).default(67_108_864),
    maxPendingBytes: z
      .int()
      .min(1_024)
      .max(1_073_741_824)
      .default(134_217_728)
      .describe('Unfinished objects of one robot'),
    maxClasses: z
      .int()
      .min(2)
      .max(4_096)
      .default(256)
      .describe('Classes in the sums of one robot; bounds the memory that one object takes'),
    maxPriorBytes: z
      .int()
      .min(1_024)
      .max(1_099_511_627_776)
      .default(268_435_456)
      .describe('Sums of the other robots, made for robots that are about to blend a head'),
    pendingMs: ms(60_000, 2_592_000_000)
      .default(604_800_000)
      .describe('Unfinished objects are removed when no chunk has come for so long'),
    chunkBytes: z
      .int()
      .min(512)
      .max(98_304)
      .default(98_304)
      .describe('Of objects to robots; less for brokers with small packets'),
    auditEntries: z.int().min(100).max(10_000_000).default(100_000),
    keptRounds: z.int().min(1).max(10_000).default(100),
  },
  'Bounds',
);

/** The configuration file of `headland fleet serve`. */
export const hubConfigSchema = z.strictObject({
  fleet: name.default('fleet').describe('Name of the fleet'),
  replica: name
    .nullable()
    .default(null)
    .describe(
      'Name of this hub among those of the fleet, the same after each start: the broker keeps its messages under it; null: the host name',
    ),
  store: z
    .string()
    .regex(/^(sqlite:.+|postgres(ql)?:\/\/\S+)$/, 'use sqlite:PATH or postgres://…')
    .describe('sqlite:PATH on one farm, or postgres://USER@HOST/DATABASE'),
  storePassword: secret.nullable().default(null).describe('Of PostgreSQL'),
  mqtt,
  http,
  learning,
  rollout,
  quarantine,
  limits,
  tickMs: ms(50, 10_000).default(1_000).describe('How often the leader looks for work'),
  onlineMs: ms(1_000, 86_400_000)
    .default(900_000)
    .describe('A robot that has not reported for so long counts as offline'),
  log: section(
    {
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
      format: z.enum(['auto', 'text', 'json']).default('auto'),
    },
    'Log',
  ),
});
export type HubConfig = z.infer<typeof hubConfigSchema>;

/**
 * The JSON Schema (draft 2020-12) of the file, as in docs/reference/fleet-hub-schema.json.
 * @internal
 */
export function hubConfigJsonSchema(): Record<string, unknown> {
  return {
    $id: 'https://headland.invalid/schema/fleet-hub.json',
    title: 'headland fleet hub configuration',
    ...z.toJSONSchema(hubConfigSchema, { io: 'input' }),
  };
}
