import type { CameraConfig } from '../../config/schema.js';

/** Whether a camera delivers live images; false for drawings and recordings. */
export function isLive(camera: CameraConfig): boolean {
  switch (camera.driver) {
    case 'simulated':
    case 'replay':
      return false;
    case 'webcam':
      return camera.device.startsWith('/dev/');
    case 'ffmpeg':
      // A device or the URL of a stream; anything else is a file.
      return /^\/dev\/|^(?!file:)[a-z][a-z0-9+.-]*:/i.test(camera.input);
    case 'rpicam':
    case 'pipe':
    case 'auto':
      return true;
  }
}
