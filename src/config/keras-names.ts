/** The counterpart of an argument of Keras' ImageDataGenerator. */
export interface KerasName {
  /** Name in the section `augmentation`; null: no counterpart. */
  setting: string | null;
  /** How the value differs, or what replaces the setting. */
  note?: string;
}

const NORMALISATION = "the backbone's model card defines how pixels are normalised";
const FORMAT = 'the backbone determines it';

/** Every argument of ImageDataGenerator (keras-preprocessing 1.1.2). */
const KERAS_NAMES: ReadonlyMap<string, KerasName> = new Map([
  ['rotation_range', { setting: 'rotationDegrees' }],
  ['width_shift_range', { setting: 'widthShift', note: 'a share of the width, not pixels' }],
  ['height_shift_range', { setting: 'heightShift', note: 'a share of the height, not pixels' }],
  ['shear_range', { setting: 'shearDegrees', note: 'in degrees, as in Keras' }],
  ['zoom_range', { setting: 'zoom', note: 'one number: 0.2 for [0.8, 1.2]' }],
  ['brightness_range', { setting: 'brightness', note: 'one number: 0.2 for [0.8, 1.2]' }],
  ['channel_shift_range', { setting: 'channelShift' }],
  ['fill_mode', { setting: 'fill' }],
  ['horizontal_flip', { setting: 'horizontalFlip' }],
  ['vertical_flip', { setting: 'verticalFlip' }],
  ['cval', { setting: null, note: 'fill: constant is always black, like cval 0' }],
  ['rescale', { setting: null, note: NORMALISATION }],
  ['preprocessing_function', { setting: null, note: NORMALISATION }],
  ['featurewise_center', { setting: null, note: NORMALISATION }],
  ['featurewise_std_normalization', { setting: null, note: NORMALISATION }],
  ['samplewise_center', { setting: null, note: NORMALISATION }],
  ['samplewise_std_normalization', { setting: null, note: NORMALISATION }],
  ['zca_whitening', { setting: null, note: NORMALISATION }],
  ['zca_epsilon', { setting: null, note: NORMALISATION }],
  ['interpolation_order', { setting: null, note: 'it is always 1, bilinear' }],
  ['data_format', { setting: null, note: FORMAT }],
  ['dtype', { setting: null, note: FORMAT }],
  [
    'validation_split',
    { setting: null, note: 'samples.holdoutShare sets the share of groups held out' },
  ],
]);

/** @returns the counterpart of a name found in a configuration; null if it is no Keras argument */
export function kerasName(name: string): KerasName | null {
  return KERAS_NAMES.get(name) ?? null;
}
