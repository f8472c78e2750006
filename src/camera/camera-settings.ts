import type { CameraConfig } from '../config/schema.js';

/** Settings for the processing of pictures, common to all drivers. */
export type PictureSettings = Pick<
  CameraConfig,
  'crop' | 'regions' | 'masks' | 'jpegQuality' | 'onlyWhenMoving' | 'quality'
>;

/** The part of a camera's configuration that only its driver needs. */
export type DriverConfig<D extends CameraConfig['driver']> = Omit<
  Extract<CameraConfig, { driver: D }>,
  'driver' | 'name' | keyof PictureSettings
>;
