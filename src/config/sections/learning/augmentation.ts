import { z } from 'zod';
import { section } from '../../fields.js';

/**
 * Default rotation and flips for each mounting of the camera. A camera that looks straight down has
 * no preferred direction; one that looks ahead allows only a mirror image.
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
      .describe('How the camera faces the field: sets the defaults of rotation and flips'),
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
        'Number of those views, taken from the last, that also change light, sharpness and compression',
      ),
    seed: z.int().min(0).max(4_294_967_295).default(20_240_501),
    rotationDegrees: z
      .number()
      .min(0)
      .max(180)
      .optional()
      .describe('Maximum rotation to either side; default 15 for forward, 180 for overhead'),
    widthShift: z.number().min(0).max(0.5).default(0.1).describe('Share of the width'),
    heightShift: z.number().min(0).max(0.5).default(0.1).describe('Share of the height'),
    shearDegrees: z.number().min(0).max(60).default(5),
    zoom: z.number().min(0).max(0.9).default(0.15).describe('Each axis from 1-zoom to 1+zoom'),
    horizontalFlip: z.boolean().optional().describe('Default: on for both mountings'),
    verticalFlip: z.boolean().optional().describe('Default: off for forward, on for overhead'),
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
      .describe(
        'Photometric views: red times 1+t, blue times 1-t, with t between minus and plus this value',
      ),
    blurPixels: z
      .number()
      .min(0)
      .max(8)
      .default(2)
      .describe(
        "Photometric views: 4 of 10 views are blurred; maximum sigma at the backbone's input",
      ),
    noiseLevels: z
      .number()
      .min(0)
      .max(64)
      .default(12)
      .describe(
        'Photometric views: 4 of 10 views get noise; maximum standard deviation in 8-bit levels',
      ),
    jpegQuality: z
      .int()
      .min(1)
      .max(100)
      .default(30)
      .describe(
        'Photometric views: 4 of 10 views are recompressed; minimum JPEG quality; 100 = off',
      ),
  },
  "Geometric settings as in Keras' ImageDataGenerator, with angles in degrees and shifts as shares; and changes of light, sharpness and compression",
).transform(({ mounting, ...given }) => {
  const preset = MOUNTINGS[mounting];
  return {
    ...given,
    rotationDegrees: given.rotationDegrees ?? preset.rotationDegrees,
    horizontalFlip: given.horizontalFlip ?? preset.horizontalFlip,
    verticalFlip: given.verticalFlip ?? preset.verticalFlip,
  };
});
