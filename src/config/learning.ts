import { z } from 'zod';
import { milliseconds, probability, section } from './fields.js';

export const samples = section(
  {
    groupWindowMs: milliseconds(0, 3_600_000)
      .default(30_000)
      .describe(
        'Frames of a camera captured within this window are one group; in imports, pictures between whose capture times no longer pause lies',
      ),
    holdoutShare: z
      .number()
      .min(0.05)
      .max(0.5)
      .default(0.2)
      .describe('Share of groups, by hash, that are held out: no head is ever trained on them'),
    holdoutAfterSamples: z
      .int()
      .min(0)
      .max(100_000)
      .default(60)
      .describe('A class has so many training samples before any of it is held out'),
    recentFrames: z
      .int()
      .min(1)
      .max(10_000)
      .default(256)
      .describe('Frames kept in memory so that a label can still find its picture'),
    recentMaxBytes: z.int().min(65_536).max(1_073_741_824).default(16_777_216),
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
);

/**
 * What the mounting of the camera says about augmentation. Looking straight down every direction is
 * as good as another; looking ahead only left and right can be exchanged.
 */
const MOUNTINGS = {
  forward: { rotationDegrees: 15, horizontalFlip: true, verticalFlip: false },
  overhead: { rotationDegrees: 180, horizontalFlip: true, verticalFlip: true },
} as const;

export const augmentation = section(
  {
    mounting: z
      .enum(['forward', 'overhead'])
      .default('forward')
      .describe('How the camera looks at the field: what rotation and flips are when not set'),
    views: z
      .int()
      .min(0)
      .max(32)
      .default(4)
      .describe('Augmented versions of each sample, embedded once and cached'),
    photometricViews: z
      .int()
      .min(0)
      .max(32)
      .default(2)
      .describe(
        'Of those the last so many, at most all, also change light, sharpness and compression',
      ),
    seed: z.int().min(0).max(4_294_967_295).default(20_240_501),
    rotationDegrees: z
      .number()
      .min(0)
      .max(180)
      .optional()
      .describe('Up to so much to either side; 15 looking forward, 180 overhead'),
    widthShift: z.number().min(0).max(0.5).default(0.1).describe('Share of the width'),
    heightShift: z.number().min(0).max(0.5).default(0.1).describe('Share of the height'),
    shearDegrees: z.number().min(0).max(60).default(5),
    zoom: z.number().min(0).max(0.9).default(0.15).describe('Each axis from 1-zoom to 1+zoom'),
    horizontalFlip: z.boolean().optional().describe('On for both mountings'),
    verticalFlip: z.boolean().optional().describe('Off looking forward, on overhead'),
    brightness: z.number().min(0).max(0.9).default(0.2).describe('Factor from 1-b to 1+b'),
    channelShift: z.number().min(0).max(255).default(0).describe('8-bit steps'),
    fill: z.enum(['nearest', 'reflect', 'wrap', 'constant']).default('nearest'),
    gamma: z
      .number()
      .min(1)
      .max(5)
      .default(2.4)
      .describe('Photometric views: exponent on levels from 1/g to g; 1 = off'),
    exposure: z
      .number()
      .min(0)
      .max(2)
      .default(0.5)
      .describe('Photometric views: factor from exp(-e) to exp(e); 0 = off'),
    colourTemperature: z
      .number()
      .min(0)
      .max(0.9)
      .default(0.25)
      .describe('Photometric views: red times 1+t, blue times 1-t, t up to this to either side'),
    blurPixels: z
      .number()
      .min(0)
      .max(8)
      .default(2)
      .describe(
        "Photometric views: of 10 views 4 are blurred, sigma up to this at the backbone's input",
      ),
    noiseLevels: z
      .number()
      .min(0)
      .max(64)
      .default(12)
      .describe('Photometric views: of 10 views 4 get noise, 8-bit standard deviation up to this'),
    jpegQuality: z
      .int()
      .min(1)
      .max(100)
      .default(30)
      .describe(
        'Photometric views: of 10 views 4 are recompressed, at least with this quality; 100 = off',
      ),
  },
  "Keras' ImageDataGenerator in meaning: angles in degrees, shifts as shares; and what light, lens and transmission do",
).transform(({ mounting, ...given }) => {
  const preset = MOUNTINGS[mounting];
  return {
    ...given,
    rotationDegrees: given.rotationDegrees ?? preset.rotationDegrees,
    horizontalFlip: given.horizontalFlip ?? preset.horizontalFlip,
    verticalFlip: given.verticalFlip ?? preset.verticalFlip,
  };
});

export const training = section(
  {
    everyNewLabels: z
      .int()
      .min(0)
      .default(20)
      .describe(
        'Train after so many new labels, the first time after 10, and when there is a new class; 0 = off',
      ),
    instant: z
      .boolean()
      .default(true)
      .describe(
        'Labels show in decisions at once, and the first ones make a head, before any training',
      ),
    cron: z.string().nullable().default(null).describe('Cron expression (UTC); null = off'),
    minLabels: z.int().min(4).default(4).describe('Below this training is refused'),
    minLabelsPerClass: z
      .int()
      .min(2)
      .default(2)
      .describe('A class with fewer is left out, and named'),
    learners: z
      .array(z.enum(['ridge', 'softmax', 'blend', 'tf-layers']))
      .min(1)
      .default(['ridge', 'softmax', 'blend'])
      .describe(
        'Tried on every training; the best by leave-group-out is kept. tf-layers needs TensorFlow.js and takes minutes without its native engine',
      ),
    classGaussians: z
      .boolean()
      .default(true)
      .describe('A Gaussian per class answers beside the linear layer'),
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
);

export const gate = section(
  {
    learningExponent: z
      .number()
      .min(0.01)
      .max(2)
      .default(0.3)
      .describe('Errors are expected to fall with the number of labels to the power of minus this'),
    gainSpread: z
      .number()
      .min(0.001)
      .max(1)
      .default(0.03)
      .describe('Standard deviation of what new labels bring about what is expected of them'),
    evidenceSpread: z
      .number()
      .min(0)
      .max(1)
      .default(0.03)
      .describe('Standard deviation of what evidence misses, however much of it there is'),
    unknownAurocMargin: probability
      .default(0.02)
      .describe('By so much may the AUROC of unknown things fall'),
    minHoldoutSamples: z
      .int()
      .min(1)
      .default(20)
      .describe('With fewer holdout samples it gives no figures by itself'),
    holdoutAloneSamples: z
      .int()
      .min(1)
      .default(300)
      .describe(
        'With fewer holdout samples, training samples join them, answered by left-out heads',
      ),
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
      .default(10)
      .describe('Odds for the head in the shadow that always suffice (10: error 10 %)'),
    trialAlarm: z
      .number()
      .gt(1)
      .max(1_000_000)
      .default(3)
      .describe('Such odds are asked for at least, when the gate itself was unsure'),
  },
  'What a new head must show before and after it serves',
);

export const heads = section(
  { keep: z.int().min(2).max(100).default(5).describe('Versions kept for rollback') },
  'The registry of trained heads',
);
