import type { DriverConfig, PictureSettings } from '../camera-settings.js';

export type RpicamConfig = DriverConfig<'rpicam'> & Pick<PictureSettings, 'jpegQuality'>;

/**
 * Arguments of a long-running rpicam-vid, called libcamera-vid before 2023, that writes JPEGs to
 * its standard output. Both support every option (rpicam-apps, core/options.cpp and
 * core/video_options.hpp).
 */
export function rpicamArguments(config: RpicamConfig): string[] {
  const { exposureMicroseconds, gain, exposureCompensation, lensPosition } = config;
  return [
    '--nopreview',
    '--timeout',
    '0',
    '--camera',
    String(config.cameraIndex),
    '--codec',
    'mjpeg',
    '--quality',
    String(config.jpegQuality),
    '--width',
    String(config.widthPixels),
    '--height',
    String(config.heightPixels),
    '--framerate',
    String(config.framesPerSecond),
    ...(exposureMicroseconds === null ? [] : ['--shutter', String(exposureMicroseconds)]),
    ...(gain === null ? [] : ['--gain', String(gain)]),
    // "=": a negative value must not be parsed as an option.
    ...(exposureCompensation === 0 ? [] : [`--ev=${exposureCompensation}`]),
    ...(lensPosition === null
      ? []
      : ['--autofocus-mode', 'manual', '--lens-position', String(lensPosition)]),
    ...(config.rotationDegrees === 0 ? [] : ['--rotation', String(config.rotationDegrees)]),
    ...(config.horizontalFlip ? ['--hflip'] : []),
    ...(config.verticalFlip ? ['--vflip'] : []),
    // Without it, the end of a picture stays in a buffer until the next one.
    '--flush',
    '--output',
    '-',
  ];
}
