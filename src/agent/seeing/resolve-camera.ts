import {
  detectCamera,
  LINUX_PLACES,
  type ResolvedCameraConfig,
  type VideoDevicePlaces,
} from '../../camera/open-driver.js';
import { type CameraConfig, configSchema } from '../../config/schema.js';

/**
 * The camera section with its driver settled: `auto` becomes the first camera that this machine has,
 * with the defaults of its driver; anything else stays as it is.
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
