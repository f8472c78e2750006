import type { Mutant } from '../mutant.js';

const AFFINE = 'src/vision/affine.ts';
const AUGMENT = 'src/vision/augment.ts';
const AUGMENT_TESTS = [{ file: 'test/vision/augment.test.ts' }];
const PICTURE = 'src/vision/picture.ts';
const DECODE_TESTS = [{ file: 'test/vision/decode.test.ts' }];
const PHOTOMETRIC_TESTS = [{ file: 'test/vision/photometric.test.ts' }];

export const VISION_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a picture is turned in the direction in which Keras turns it',
    file: AFFINE,
    text: 'const theta = (parameters.rotationDegrees * Math.PI) / 180;',
    replacement: 'const theta = (-parameters.rotationDegrees * Math.PI) / 180;',
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'a picture is sheared in the direction in which Keras shears it',
    file: AFFINE,
    text: 'const shear = (parameters.shearDegrees * Math.PI) / 180;',
    replacement: 'const shear = (-parameters.shearDegrees * Math.PI) / 180;',
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'a picture is turned about its true centre',
    file: AFFINE,
    text: 'width / 2 - 0.5',
    replacement: 'width / 2',
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'fill reflect repeats the outermost pixel',
    file: AFFINE,
    text: '2 * n - 1 - folded',
    replacement: 'Math.max(0, 2 * n - 2 - folded)',
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'fill wrap begins again on the other side',
    file: AFFINE,
    text: 'return ((index % n) + n) % n;',
    replacement: 'return Math.min(n - 1, Math.max(0, index));',
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'fill nearest repeats the border',
    file: AFFINE,
    text: 'return Math.min(n - 1, Math.max(0, index));',
    replacement: 'return ((index % n) + n) % n;',
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'fill constant paints what lies outside',
    file: AFFINE,
    text: "fill === 'constant' && (y < 0 ||",
    replacement: "fill === 'constant' && (y < -ONE ||",
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'a horizontal flip exchanges left and right',
    file: AUGMENT,
    text: 'b = -b;',
    replacement: '',
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'a vertical flip exchanges top and bottom',
    file: AUGMENT,
    text: 'a = -a;',
    replacement: '',
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'a flip comes after the transform',
    file: AUGMENT,
    text: 'atColumn += d * (width - 1);',
    replacement: 'atColumn += width - 1;',
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'the setting for vertical flips rules vertical flips',
    file: AUGMENT,
    text: 'vertical && settings.verticalFlip',
    replacement: 'vertical && settings.horizontalFlip',
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'heights shift rows',
    file: AUGMENT,
    text: 'around(0, settings.heightShift) * height',
    replacement: 'around(0, settings.heightShift) * width',
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'brightness cuts off fractions as Pillow does',
    file: AUGMENT,
    text: 'Math.trunc(Math.fround(factor * Math.trunc(shifted)))',
    replacement: 'Math.round(Math.fround(factor * Math.trunc(shifted)))',
    tests: AUGMENT_TESTS,
  },
  {
    promise: 'a colour temperature above zero is warmer',
    file: 'src/vision/photometric.ts',
    text: '[1 + colourTemperature, 1, 1 - colourTemperature]',
    replacement: '[1 - colourTemperature, 1, 1 + colourTemperature]',
    tests: PHOTOMETRIC_TESTS,
  },
  {
    promise: 'noise does not drift',
    file: 'src/vision/photometric.ts',
    text: 'const FOUR_BYTES_MEAN = 510;',
    replacement: 'const FOUR_BYTES_MEAN = 450;',
    tests: PHOTOMETRIC_TESTS,
  },
  {
    promise: 'a picture beyond its bytes is refused before anything is decoded',
    file: PICTURE,
    text: 'bytes <= maxBytes',
    replacement: 'bytes <= 2 * maxBytes',
    tests: DECODE_TESTS,
  },
  {
    promise: 'a picture beyond its pixels is refused by its header',
    file: PICTURE,
    text: 'limitInputPixels: limits.maxPixels',
    replacement: 'limitInputPixels: false',
    tests: DECODE_TESTS,
  },
  {
    promise: 'what is no JPEG, PNG or WebP never reaches the decoder',
    file: PICTURE,
    text: 'sniffFormat(head);',
    replacement: "sniffFormat(head) ?? 'jpeg';",
    tests: [{ file: 'test/vision/refused.test.ts' }],
  },
  {
    promise: 'half a picture is no picture',
    file: PICTURE,
    text: "failOn: 'error', limitInputPixels: limits.maxPixels",
    replacement: "failOn: 'none', limitInputPixels: limits.maxPixels",
    tests: DECODE_TESTS,
  },
  {
    promise: 'a picture is upright by its EXIF orientation',
    file: PICTURE,
    text: '.autoOrient()',
    replacement: '',
    tests: DECODE_TESTS,
  },
  {
    promise: 'squash keeps the edges, crop cuts them',
    file: 'src/vision/decode.ts',
    text: "fit === 'squash' ? 'fill' : 'cover'",
    replacement: "fit === 'squash' ? 'cover' : 'fill'",
    tests: DECODE_TESTS,
  },
  {
    promise: 'pictures are scaled without aliasing',
    file: 'src/vision/decode.ts',
    text: "kernel: 'cubic'",
    replacement: "kernel: 'nearest'",
    tests: DECODE_TESTS,
  },
];
