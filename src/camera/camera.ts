import type { Located } from '../base/geo/position.js';
import type { Eye } from '../base/words/eye.js';
import type { Referenced } from './reference.js';

/**
 * One captured picture on its way through the daemon. Only demonstrations and evaluation use its
 * references, never inference or training.
 */
export interface Frame extends Eye, Referenced {
  /**
   * Number of the picture since the daemon's start, from 1. Gaps are pictures that were dropped as
   * outdated, skipped because nothing moved, or could not be decoded.
   */
  sequence: number;
  /** Unix time of capture, milliseconds. */
  capturedAtMs: number;
  /**
   * The encoded picture exactly as captured (JPEG; replay may give PNG or WebP). With a crop, regions or
   * masks configured, a JPEG of the cropped and masked picture.
   */
  jpeg: Uint8Array;
  /**
   * Frames captured close together share a group. Set by drivers with better knowledge than time.
   */
  group?: string;
  /** Path of the picture, when the source is a file. */
  origin?: string;
  /** Where the robot was when the picture came; absent: not known. */
  located?: Located;
  /** Somebody asked for this picture: neither motion detection nor a rate limit skips it. */
  requested?: true;
  /** Id of a stored sample that is embedded again; no camera gives such frames. */
  stored?: string;
}

/** A picture from a driver; the supervisor adds camera, sequence and, if missing, the time. */
export type CapturedPicture = Pick<Frame, 'jpeg' | 'group' | 'references' | 'origin'> & {
  capturedAtMs?: number;
};

/**
 * Receives a picture; must not block. May return a promise: a source that can wait (files, the
 * simulation) then delivers its next picture only after it settles. A live source never waits and
 * never queues.
 */
export type PictureReceiver = (picture: CapturedPicture) => unknown;

/** A source of pictures: a device, a stream, recorded files or a simulation. */
export interface CameraDriver {
  /** Human-readable, for logs and without secrets: "ffmpeg /dev/video0". */
  readonly description: string;
  /** Longest intended interval between pictures, which the stall watchdog adds. Absent = 0. */
  readonly paceMs?: number;
  /** Number of truncated, oversized or malformed pictures since the driver was created. */
  readonly invalidPictures?: number;
  /**
   * Delivers pictures. Resolves when `signal` aborts or a finite source ends; rejects with a
   * HeadlandError `HL_CAMERA_…` when the device fails. Must free every process, file and timer
   * before it settles, and may then be called again.
   */
  capture(onPicture: PictureReceiver, signal: AbortSignal): Promise<void>;
}
