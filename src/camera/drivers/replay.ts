import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadlandError } from '../../base/errors.js';
import { fileProblem } from '../../base/files/file-problem.js';
import type { Log } from '../../base/log.js';
import { pause, settledOrAborted } from '../../base/pause.js';
import { createRandom, seedFrom, shuffled } from '../../base/random.js';
import { readPictureFile } from '../../vision/folder/read-picture-file.js';
import { checkFormat } from '../../vision/picture.js';
import type { CameraDriver, CapturedPicture, PictureReceiver } from '../camera.js';
import type { DriverConfig } from '../camera-settings.js';
import { FfmpegDriver } from './ffmpeg.js';
import { listPhotos, type Photo } from './photo-folder.js';

export type ReplayConfig = DriverConfig<'replay'>;

const MAX_PHOTO_BYTES = 64 * 1024 * 1024;
/** Frame rate limit of a video that is replayed as fast as the receiver accepts frames. */
const EVERY_FRAME_PER_SECOND = 120;
const MAX_VIDEO_PIXELS_A_SIDE = 4_096;

/**
 * Replays recorded pictures as if from a camera: a folder of photos, a folder of class folders
 * (whose names become `reference`), or a video file, which ffmpeg reads. Photos are delivered byte
 * for byte. A reopened driver continues where it stopped.
 */
export class ReplayDriver implements CameraDriver {
  readonly description: string;
  readonly paceMs: number;
  readonly #config: ReplayConfig;
  readonly #log: Log;
  readonly #unreadable = new Set<string>();
  #video: FfmpegDriver | null = null;
  #next = 0;

  constructor(config: ReplayConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    this.description = `replay ${config.path}`;
    this.paceMs = config.intervalMs;
  }

  get invalidPictures(): number {
    return this.#unreadable.size + (this.#video?.invalidPictures ?? 0);
  }

  /**
   * Resolves after the last picture, unless `loop` is set. Waits for the receiver's promise, if
   * any, and for `intervalMs`. A file that is not a readable picture is skipped, counted and logged
   * once.
   *
   * @throws HeadlandError HL_CAMERA_DEVICE_MISSING, HL_CAMERA_DEVICE_DENIED, HL_CAMERA_NO_PICTURE
   *   (nothing readable), HL_CAMERA_PATTERN_INVALID, and those of FfmpegDriver for a video
   */
  async capture(onPicture: PictureReceiver, signal: AbortSignal): Promise<void> {
    const { path } = this.#config;
    const isFile = await stat(path).then(
      (found) => found.isFile(),
      () => false,
    );
    if (isFile) {
      this.#video ??= this.#openVideo();
      return this.#video.capture((picture) => onPicture({ ...picture, origin: path }), signal);
    }
    const photos = await this.#photosInOrder();
    do {
      await this.#showOnce(photos, onPicture, signal);
      if (this.#unreadable.size >= photos.length) {
        throw new HeadlandError('HL_CAMERA_NO_PICTURE', `no readable picture in ${path}`, {
          remedy:
            'Put readable pictures into the folder. The log names each file that cannot be read, and why.',
          details: { path, photos: photos.length },
        });
      }
    } while (this.#config.loop && !signal.aborted);
  }

  async #photosInOrder(): Promise<Photo[]> {
    const { path, groupPattern, shuffleSeed } = this.#config;
    const { photos, unclear } = await listPhotos(path, groupPattern);
    if (unclear !== null) {
      this.#log.warn({ path, reason: unclear }, 'replaying photos without their classes');
    }
    return shuffleSeed === null
      ? photos
      : shuffled(photos, createRandom(seedFrom('replay', shuffleSeed)));
  }

  async #showOnce(photos: Photo[], onPicture: PictureReceiver, signal: AbortSignal): Promise<void> {
    for (; this.#next < photos.length && !signal.aborted; this.#next += 1) {
      const photo = photos[this.#next]!;
      if (this.#unreadable.has(photo.origin)) continue;
      const startedMs = performance.now();
      const picture = await this.#read(photo);
      if (signal.aborted) return;
      if (!picture) continue;
      await settledOrAborted(onPicture(picture), signal);
      await pause(this.#config.intervalMs - (performance.now() - startedMs), signal);
    }
    if (!signal.aborted) this.#next = 0;
  }

  async #read({ path, ...known }: Photo): Promise<CapturedPicture | null> {
    try {
      const { bytes: jpeg } = await readPictureFile(path, { maxBytes: MAX_PHOTO_BYTES });
      checkFormat(jpeg);
      return { ...known, jpeg };
    } catch (error) {
      this.#unreadable.add(known.origin);
      this.#log.warn(
        { path: join(this.#config.path, known.origin), reason: fileProblem(error) },
        'skipping a file that is not a readable picture',
      );
      return null;
    }
  }

  #openVideo(): FfmpegDriver {
    const { path, intervalMs, loop, stallMs } = this.#config;
    return new FfmpegDriver(
      {
        input: `file:${path}`,
        inputFormat: 'auto',
        widthPixels: MAX_VIDEO_PIXELS_A_SIDE,
        heightPixels: MAX_VIDEO_PIXELS_A_SIDE,
        framesPerSecond: intervalMs > 0 ? 1_000 / intervalMs : EVERY_FRAME_PER_SECOND,
        realTime: intervalMs > 0,
        loop,
        stallMs,
        exposureMicroseconds: null,
        v4l2Controls: {},
      },
      this.#log,
    );
  }
}
