import type { CameraConfig } from '../config/schema.js';

/** What happens to every picture of a camera, whatever its driver. */
export type PictureSettings = Pick<
  CameraConfig,
  'region' | 'masks' | 'jpegQuality' | 'onlyWhenMoving' | 'quality'
>;

/** What a driver itself needs of its section of the configuration. */
export type DriverConfig<D extends CameraConfig['driver']> = Omit<
  Extract<CameraConfig, { driver: D }>,
  'driver' | 'name' | keyof PictureSettings
>;
