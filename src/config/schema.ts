import { z } from 'zod';

/**
 * Every setting of headland: its unit (in the name), its bounds, its default and what it does.
 * This one schema validates the file, types the program and prints the JSON Schema for editors.
 */

const name = (what: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'use 1 to 63 letters, digits, "_" or "-"')
    .describe(what);
const milliseconds = (min: number, max: number) => z.int().min(min).max(max);
const probability = z.number().min(0).max(1);

/** A section whose every setting has a default may be left out whole. */
const section = <T extends z.ZodRawShape>(shape: T, what: string) =>
  z
    .strictObject(shape)
    .prefault({} as never)
    .describe(what);

/** Secrets never stand in the file: they are read from a file or a systemd credential. */
const secret = z
  .union([
    z.strictObject({
      file: z.string().min(1).describe('Path of a file that only the daemon can read (mode 0600)'),
    }),
    z.strictObject({
      credential: z.string().min(1).describe('Name given to LoadCredential= in the systemd unit'),
    }),
  ])
  .describe('Where a secret is read from; never its value');

const cameraBase = {
  name: name('Name of the camera: appears in topics, logs and samples').default('main'),
  stallMs: milliseconds(200, 600_000)
    .default(10_000)
    .describe('No frame for this long: the camera is closed and opened again'),
};

const autoCamera = z
  .strictObject({ driver: z.literal('auto'), ...cameraBase })
  .describe('The first /dev/video* through ffmpeg; without one, the simulation');

const ffmpegCamera = z
  .strictObject({
    driver: z.literal('ffmpeg'),
    ...cameraBase,
    input: z
      .string()
      .min(1)
      .default('/dev/video0')
      .describe('V4L2 device, file, or any URL that ffmpeg opens (rtsp://, http://)'),
    inputFormat: z
      .enum(['auto', 'v4l2-mjpeg', 'v4l2-yuyv'])
      .default('auto')
      .describe('V4L2 pixel format; auto asks for MJPEG, which is passed through untouched'),
    widthPixels: z.int().min(16).max(4096).default(640),
    heightPixels: z.int().min(16).max(4096).default(480),
    framesPerSecond: z.number().min(0.01).max(120).default(10),
    realTime: z
      .boolean()
      .default(true)
      .describe('Read files at their own pace instead of as fast as possible'),
    loop: z.boolean().default(false).describe('Begin a file again at its end'),
  })
  .describe('A long-lived ffmpeg process: V4L2, RTSP, HTTP, video files');

const webcamCamera = z
  .strictObject({
    driver: z.literal('webcam'),
    ...cameraBase,
    device: z
      .string()
      .regex(
        /^(\/dev\/video[0-9]{1,3}|TEST:[A-Za-z0-9_]*|FILE:[A-Za-z0-9_./-]+)$/,
        'use /dev/video<number>, TEST: or FILE:<path>',
      )
      .default('/dev/video0')
      .describe('Device as fswebcam names it'),
    widthPixels: z.int().min(16).max(4096).default(640),
    heightPixels: z.int().min(16).max(4096).default(480),
    intervalMs: milliseconds(100, 86_400_000).default(2_000),
    timeoutMs: milliseconds(500, 120_000)
      .default(15_000)
      .describe('A picture that takes longer counts as a stall; fswebcam is killed'),
  })
  .describe('Still pictures through node-webcam and fswebcam');

const replayCamera = z
  .strictObject({
    driver: z.literal('replay'),
    ...cameraBase,
    path: z.string().min(1).describe('Folder of photos, folder of class folders, or a video file'),
    intervalMs: milliseconds(0, 86_400_000)
      .default(100)
      .describe('Time between pictures; 0 = as fast as they are taken'),
    loop: z.boolean().default(true),
    shuffleSeed: z
      .int()
      .min(0)
      .nullable()
      .default(null)
      .describe('Show pictures in the random order of this seed; null = by name'),
    groupPattern: z
      .string()
      .nullable()
      .default(null)
      .describe('Regular expression on the file name; its captures are the group of a picture'),
  })
  .describe('Recorded pictures as if they came from a camera');

const simulatedCamera = z
  .strictObject({
    driver: z.literal('simulated'),
    ...cameraBase,
    seed: z.int().min(0).default(1),
    widthPixels: z.int().min(64).max(1920).default(640),
    heightPixels: z.int().min(64).max(1080).default(480),
    intervalMs: milliseconds(0, 60_000).default(200),
    newWeedAfterFrames: z
      .int()
      .min(0)
      .default(600)
      .describe('Frame at which a weed grows that was never seen before; 0 = never'),
    startFrame: z.int().min(0).default(0),
  })
  .describe('A seeded drawing of a field: crops, weeds, obstacles, changing light. Not real');

const camera = z.discriminatedUnion('driver', [
  autoCamera,
  ffmpegCamera,
  webcamCamera,
  replayCamera,
  simulatedCamera,
]);

const alertRule = z.strictObject({
  name: name('Name of the rule: appears in events'),
  labels: z.array(z.string().min(1)).min(1).max(64).describe('Labels that raise it; "unknown" too'),
  camera: z.string().nullable().default(null).describe('Only this camera; null = any'),
  minProbability: probability.default(0.7).describe('Of the label, 0..1'),
  matches: z.int().min(1).max(1_000).default(3).describe('N: how many of the last M frames'),
  ofFrames: z.int().min(1).max(1_000).default(5).describe('M: the window, frames'),
  holdMs: milliseconds(0, 3_600_000)
    .default(1_000)
    .describe('The output stays on at least this long after the last match'),
  output: z.string().nullable().default(null).describe('Name of a GPIO output; null = event only'),
});

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
  models: section(
    {
      backbone: name('Model card of the backbone: see `headland models list`').default(
        'efficientnet-lite0-288',
      ),
      cardsDir: z
        .string()
        .nullable()
        .default(null)
        .describe('Folder of your own model cards, looked at before those that come along'),
      mirrors: z
        .array(z.string().min(1))
        .max(16)
        .default([])
        .describe('Folders or http(s) URLs asked first for model files'),
      allowDownload: z
        .boolean()
        .default(true)
        .describe('False: only mirrors that are folders, files and the cache'),
      pipCommand: z
        .array(z.string().min(1))
        .min(1)
        .default(['python3', '-m', 'pip'])
        .describe('How pip is called for cards that come from a Python package'),
      downloadTimeoutMs: milliseconds(1_000, 3_600_000).default(300_000),
      maxBytes: z.int().min(1_000).max(4_000_000_000).default(500_000_000),
    },
    'Where backbones come from',
  ),
  inference: section(
    {
      engine: z.enum(['onnx']).default('onnx').describe('Which runtime runs the backbone'),
      threads: z.int().min(1).max(16).default(1).describe('Intra-op threads of the backbone'),
      fit: z
        .enum(['squash', 'crop'])
        .default('squash')
        .describe('How a frame becomes a square: squash keeps all of it, crop its centre'),
      maxPictureBytes: z.int().min(1_024).max(67_108_864).default(8_388_608),
      maxPicturePixels: z.int().min(4_096).max(268_402_689).default(25_000_000),
      topK: z.int().min(1).max(20).default(3).describe('Labels with probabilities per prediction'),
      minProbability: probability.default(0.5).describe('Below this the decision is `unknown`'),
      unknownAlpha: probability
        .default(0.05)
        .describe(
          'Share of known things that may be called `unknown` for looking strange; 0 = off',
        ),
    },
    'How a frame becomes a decision',
  ),
  cameras: z
    .array(camera)
    .min(1)
    .max(8)
    .default([{ driver: 'auto', name: 'main', stallMs: 10_000 }])
    .describe('One entry a camera; names must differ'),
  cameraBackoff: section(
    {
      initialMs: milliseconds(10, 60_000).default(500),
      maxMs: milliseconds(100, 600_000).default(30_000),
    },
    'Full-jitter back-off between attempts to open a camera again; attempts never end',
  ),
  samples: section(
    {
      groupWindowMs: milliseconds(0, 3_600_000)
        .default(30_000)
        .describe('Frames of a camera captured within this window are one group'),
      examShare: z
        .number()
        .min(0.05)
        .max(0.5)
        .default(0.2)
        .describe('Share of groups, by hash, that no head is ever trained on'),
      recentFrames: z
        .int()
        .min(1)
        .max(10_000)
        .default(256)
        .describe('Frames kept in memory so that a label can still find its picture'),
      recentMaxBytes: z.int().min(65_536).max(1_073_741_824).default(33_554_432),
      maxPictureStoreBytes: z
        .int()
        .min(1_000_000)
        .default(4_000_000_000)
        .describe('Above this no new picture is admitted and an event says so'),
      askBelowProbability: probability
        .default(0.6)
        .describe('A frame decided below this is kept and asks for a label'),
      askMaxWaiting: z
        .int()
        .min(0)
        .max(100_000)
        .default(200)
        .describe('Frames that may wait for a label; the oldest goes first'),
      askIntervalMs: milliseconds(0, 86_400_000)
        .default(10_000)
        .describe('At most one frame per camera asks in this time'),
    },
    'Which frames are kept',
  ),
  augmentation: section(
    {
      views: z
        .int()
        .min(0)
        .max(32)
        .default(4)
        .describe('Augmented versions of each sample, embedded once and cached'),
      seed: z.int().min(0).max(4_294_967_295).default(20_240_501),
      rotationDegrees: z.number().min(0).max(180).default(15),
      widthShift: z.number().min(0).max(0.5).default(0.1).describe('Share of the width'),
      heightShift: z.number().min(0).max(0.5).default(0.1).describe('Share of the height'),
      shearDegrees: z.number().min(0).max(60).default(5),
      zoom: z.number().min(0).max(0.9).default(0.15).describe('Each axis from 1-zoom to 1+zoom'),
      horizontalFlip: z.boolean().default(true),
      verticalFlip: z.boolean().default(false).describe('True for cameras that look straight down'),
      brightness: z.number().min(0).max(0.9).default(0.2).describe('Factor from 1-b to 1+b'),
      channelShift: z.number().min(0).max(255).default(0).describe('8-bit steps'),
      fill: z.enum(['nearest', 'reflect', 'wrap', 'constant']).default('nearest'),
    },
    "Keras' ImageDataGenerator in meaning: angles in degrees, shifts as shares",
  ),
  training: section(
    {
      everyNewLabels: z
        .int()
        .min(0)
        .default(20)
        .describe('Train after so many new labels; 0 = off'),
      cron: z.string().nullable().default(null).describe('Cron expression (UTC); null = off'),
      minLabels: z.int().min(2).default(20).describe('Below this training is refused'),
      minLabelsPerClass: z.int().min(1).default(3).describe('A class with fewer is left out'),
      learners: z
        .array(z.enum(['ridge', 'softmax', 'blend', 'tf-layers']))
        .min(1)
        .default(['ridge', 'softmax', 'blend'])
        .describe(
          'Tried on every training; the best by leave-group-out is kept. tf-layers needs TensorFlow.js and takes minutes without its native engine',
        ),
      searchBudgetMs: milliseconds(0, 86_400_000)
        .default(120_000)
        .describe('After this no further recipe is tried; the first is always finished'),
      maxDurationMs: milliseconds(10_000, 86_400_000)
        .default(3_600_000)
        .describe('A training that takes longer is ended; the old head goes on serving'),
      nice: z.int().min(0).max(19).default(19),
      maxOldSpaceMegabytes: z.int().min(64).max(16_384).default(512),
    },
    'When and how a head is trained',
  ),
  gate: section(
    {
      macroF1Margin: probability
        .default(0.01)
        .describe('By so much may macro-F1 fall below the serving head, by its lower bound'),
      largeExamSamples: z
        .int()
        .min(1)
        .default(1_000)
        .describe('From so many samples of evidence on that margin is 0'),
      lossMargin: probability
        .default(0.05)
        .describe('By this share may log-loss and calibration error grow'),
      unknownAurocMargin: probability
        .default(0.02)
        .describe('By so much may the AUROC of unknown things fall'),
      minExamSamples: z
        .int()
        .min(1)
        .default(20)
        .describe('With fewer the leave-group-out predictions are the evidence'),
      examAloneSamples: z
        .int()
        .min(1)
        .default(300)
        .describe('With fewer exam samples, new samples join them as evidence'),
      bootstrapDraws: z.int().min(200).max(20_000).default(2_000),
      totalError: z
        .number()
        .min(0.001)
        .max(0.5)
        .default(0.05)
        .describe('Error that all looks at the same exam may spend together'),
      examRefreshShare: z
        .number()
        .min(0.01)
        .max(1)
        .default(0.1)
        .describe('With this share of new groups the exam is another one'),
      shadowLabels: z
        .int()
        .min(0)
        .max(10_000)
        .default(50)
        .describe('Labels for which the replaced head is kept beside the new one; 0 = off'),
      rollbackAlarm: z
        .number()
        .min(2)
        .max(1_000_000)
        .default(20)
        .describe('Odds against the new head at which the old one comes back (20: error 5 %)'),
    },
    'What a new head must show before and after it serves',
  ),
  heads: section(
    { keep: z.int().min(2).max(100).default(5).describe('Versions kept for rollback') },
    'The registry of trained heads',
  ),
  mqtt: section(
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
  ),
  embeddedBroker: section(
    {
      port: z.int().min(0).max(65_535).default(1_883).describe('On loopback; 0 = any free port'),
      maxConnections: z.int().min(1).max(10_000).default(32),
    },
    'Started on 127.0.0.1 when mqtt.url is null',
  ),
  gpio: section(
    {
      driver: z.enum(['none', 'onoff']).default('none'),
      outputs: z
        .array(
          z.strictObject({
            name: name('Name that alert rules use'),
            line: z
              .int()
              .min(0)
              .max(1_023)
              .describe('Line number on the chip (BCM number on a Pi)'),
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
  ),
  alerts: section({ rules: z.array(alertRule).max(64).default([]) }, 'When to raise an alert'),
  console: section(
    {
      enabled: z.boolean().default(true),
      host: z.string().min(1).default('127.0.0.1'),
      port: z.int().min(0).max(65_535).default(8_090).describe('0 = any free port'),
      token: secret.nullable().default(null).describe('Needed when host is not loopback'),
    },
    'The local web page',
  ),
  log: section(
    { level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info') },
    'Logging to standard output',
  ),
});

export type Config = z.infer<typeof configSchema>;
export type CameraConfig = Config['cameras'][number];
export type AlertRuleConfig = Config['alerts']['rules'][number];
export type SecretReference = z.infer<typeof secret>;
