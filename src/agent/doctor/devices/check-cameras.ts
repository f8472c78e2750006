import { dirname, join } from 'node:path';
import { type ErrorCode, HeadlandError, isHeadlandError } from '../../../base/errors.js';
import { writeFileDurably } from '../../../base/files/durable-files.js';
import { makeFolder } from '../../../base/files/make-folder.js';
import type { ResolvedCameraConfig } from '../../../camera/open-driver.js';
import { PictureMask } from '../../../camera/stage/picture-mask.js';
import { measureQuality } from '../../../camera/stage/quality.js';
import { conditionOf } from '../../../camera/stage/quality-watch.js';
import type { CameraConfig } from '../../../config/schema.js';
import { inspectPicture } from '../../../vision/inspect.js';
import { isLive } from '../../seeing/is-live.js';
import { resolveCamera } from '../../seeing/resolve-camera.js';
import type { DaemonStatus } from '../daemon-contact.js';
import { findingOf } from '../denied.js';
import { type Finding, failed, ok, type RobotContext, skipped, warning } from '../doctor-check.js';
import { outputUnwritable } from '../output-unwritable.js';
import { takeImage } from './take-image.js';

/** What is wrong with an image that could be taken. */
const POOR: Record<
  'dark' | 'overexposed' | 'blurred' | 'frozen',
  { code: ErrorCode; what: string; remedy: string }
> = {
  dark: {
    code: 'HL_DOCTOR_IMAGE_DARK',
    what: 'the image is dark',
    remedy: 'Take the cap off the lens, or light the scene. At night this is no fault.',
  },
  overexposed: {
    code: 'HL_DOCTOR_IMAGE_OVEREXPOSED',
    what: 'large parts of the image are overexposed',
    remedy: 'Turn the camera away from the light, or set a shorter exposureMicroseconds.',
  },
  blurred: {
    code: 'HL_DOCTOR_IMAGE_BLURRED',
    what: 'the image is blurred',
    remedy: 'Clean the lens and focus it; of a uniform surface this is no fault.',
  },
  frozen: {
    code: 'HL_DOCTOR_IMAGE_FROZEN',
    what: 'the camera sends the same image again and again',
    remedy: 'Take the power from the camera for ten seconds, then look at it again.',
  },
};

/**
 * Takes an image with each camera as the daemon would, and judges it. A camera that a running daemon
 * holds is left to it: its last image comes from the page.
 */
export async function checkCameras(context: RobotContext): Promise<Finding[]> {
  const { config, daemon } = context;
  const isHeld = await daemon.running();
  const status = isHeld ? await daemon.status() : null;
  return Promise.all(
    config.cameras.map(async (camera) => {
      try {
        if (isHeld) return await fromDaemon(camera, status, context);
        return await fromDevice(camera, context);
      } catch (error) {
        if (!isHeadlandError(error)) throw error;
        return findingOf(error, context, camera.name);
      }
    }),
  );
}

async function fromDevice(section: CameraConfig, context: RobotContext): Promise<Finding> {
  const camera = resolveCamera(section);
  if (section.driver === 'auto' && camera.driver === 'simulated') {
    const error = new HeadlandError(
      'HL_DOCTOR_CAMERA_SIMULATED',
      'no camera was found: the daemon would draw a simulated field',
      {
        remedy:
          'Plug the camera in; `ls /dev/video*` or `rpicam-vid --list-cameras` must list it. Or name it in cameras.',
      },
    );
    return warning(error, { subject: camera.name });
  }
  const { image, isFrozen, description } = await takeImage(camera);
  return judge(camera, image, { isFrozen, from: description }, context);
}

async function fromDaemon(
  section: CameraConfig,
  status: DaemonStatus | null,
  context: RobotContext,
): Promise<Finding> {
  const { name } = section;
  const known = status?.cameras.find((camera) => camera.name === name);
  if (known === undefined) {
    return skipped('the running daemon has it, and does not answer', { subject: name });
  }
  const { phase, condition, lastFailure } = known;
  // Its last image is of before the failure, however long ago: a new connection may never give another.
  const isLost = phase === 'waiting' || phase === 'opening';
  if (isLost && lastFailure !== null) {
    const { code, message } = lastFailure;
    const remedy = 'Do what `headland status` says about it, or stop the daemon and check again.';
    const error = new HeadlandError('HL_DOCTOR_CAMERA_LOST', `${code}: ${message}`, { remedy });
    return failed(error, { subject: name });
  }
  const image = await context.daemon.image(name);
  if (image !== null) return judge(section, image, { isFrozen: false, from: 'daemon' }, context);
  const facts = { phase, condition };
  if (phase !== 'running') {
    return skipped(`the running daemon has it: ${phase}`, { subject: name, facts });
  }
  const quality = condition === null ? '' : `, its images are ${condition}`;
  return ok(`the running daemon has it: running${quality}`, { subject: name, facts });
}

async function judge(
  camera: CameraConfig | ResolvedCameraConfig,
  image: Uint8Array,
  { isFrozen, from }: { isFrozen: boolean; from: string },
  { config, imagesDir }: RobotContext,
): Promise<Finding> {
  const { maxPictureBytes: maxBytes, maxPicturePixels: maxPixels } = config.inference;
  const limits = { maxBytes, maxPixels };
  const { width, height, format } = await inspectPicture(image, limits);
  // The daemon serves its images with the masks blackened and the crop applied.
  const masks = from === 'daemon' ? [] : camera.masks;
  const measured = await measureQuality(image, new PictureMask(masks), limits);
  const condition = isFrozen ? 'frozen' : conditionOf(measured, camera.quality, null);
  const ending = format === 'jpeg' ? 'jpg' : format;
  const file = imagesDir === null ? null : join(imagesDir, `${camera.name}.${ending}`);
  if (file !== null) await keepImage(file, image);
  const facts = { from, width, height, bytes: image.length, condition, ...measured, file };
  const said = [
    `${from === 'daemon' ? 'last image of the running daemon' : from}: ${width} x ${height} pixels`,
    `brightness ${measured.meanLuma.toFixed(2)}`,
    `sharpness ${measured.sharpness.toFixed(4)}`,
    ...(file === null ? [] : [file]),
  ].join(', ');
  const subject = camera.name;
  if (condition === 'good') {
    const drawn = isLive(camera) ? '' : ', not a live camera';
    return ok(`${said}: good${drawn}`, { subject, facts });
  }
  const { code, what, remedy } = POOR[condition];
  return warning(new HeadlandError(code, `${what} (${said})`, { remedy }), { subject, facts });
}

/** @throws HeadlandError HL_DOCTOR_OUTPUT_UNWRITABLE */
async function keepImage(file: string, image: Uint8Array): Promise<void> {
  try {
    await makeFolder(dirname(file));
    await writeFileDurably(file, image);
  } catch (cause) {
    throw outputUnwritable(file, cause);
  }
}
