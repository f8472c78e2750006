import {
  detectCamera,
  LINUX_PLACES,
  type ResolvedCameraConfig,
  type VideoDevicePlaces,
} from '../../camera/open-driver.js';
import { type CameraConfig, configSchema } from '../../config/schema.js';

/**
 * Replaces the driver `auto` by that of the first camera found on this machine, with its defaults.
 * Returns any other camera section unchanged.
 */
export function resolveCamera(
  config: CameraConfig,
  places: VideoDevicePlaces = LINUX_PLACES,
): ResolvedCameraConfig {
  if (config.driver !== 'auto') return config;
  const { driver: _auto, ...shared } = config;
  const { cameras } = configSchema.parse({ cameras: [{ ...detectCamera(places), ...shared }] });
  return cameras[0] as ResolvedCameraConfig;
}
