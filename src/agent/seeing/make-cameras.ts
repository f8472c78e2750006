import type { AlarmSwitch } from '../../base/alarms.js';
import type { HeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Frame } from '../../camera/camera.js';
import { createDriver } from '../../camera/open-driver.js';
import type { CameraQuality } from '../../camera/stage/quality-watch.js';
import { CameraSupervisor } from '../../camera/supervisor.js';
import type { Config } from '../../config/schema.js';
import type { RunningCamera } from '../view.js';
import { resolveCamera } from './resolve-camera.js';

export interface CameraEvents {
  onState(): void;
  onQuality(camera: string, quality: CameraQuality): void;
  /** A frame was refused before it reached perception. */
  onRefused(frame: Frame, error: HeadlandError): void;
}

/**
 * Creates a supervised camera for each section of the configuration, without opening a device.
 */
export function makeCameras(
  config: Config,
  log: Log,
  alarms: AlarmSwitch,
  events: CameraEvents,
): RunningCamera[] {
  return config.cameras.map((section) => {
    const camera = resolveCamera(section);
    const supervisor = new CameraSupervisor(createDriver(camera, { log }), {
      name: camera.name,
      stallMs: camera.stallMs,
      pictures: camera,
      alarms,
      log,
      backoff: config.cameraBackoff,
      groupWindowMs: config.samples.groupWindowMs,
      pictureLimits: {
        maxBytes: config.inference.maxPictureBytes,
        maxPixels: config.inference.maxPicturePixels,
      },
      onState: () => events.onState(),
      onQuality: (quality) => events.onQuality(camera.name, quality),
      onRefused: (frame, error) => events.onRefused(frame, error),
    });
    return { config: camera, supervisor };
  });
}

/**
 * Frames a second that the settings ask for, of a source that waits until its frame is decided on; null: a
 * live camera, or as many as possible.
 */
export function waitingPace(camera: RunningCamera['config']): number | null {
  if (camera.driver !== 'replay' && camera.driver !== 'simulated') return null;
  return camera.intervalMs === 0 ? null : 1_000 / camera.intervalMs;
}
