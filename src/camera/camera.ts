/** One captured picture on its way through the daemon. */
export interface Frame {
  /** Name of the camera, as configured. */
  camera: string;
  /**
   * Counts the pictures of a camera up from 1 since the daemon's start; gaps are pictures that were
   * dropped as too old, left out because nothing moved, or could not be decoded.
   */
  sequence: number;
  /** Unix time of capture, milliseconds. */
  capturedAtMs: number;
  /**
   * The encoded picture exactly as the camera gave it (JPEG; replay may give PNG or WebP), or, when
   * a region or masks are configured, a JPEG of what is left of it.
   */
  jpeg: Uint8Array;
  /** Frames captured close together share a group; drivers that know better than the clock say so. */
  group?: string;
  /**
   * What the source itself says is in the picture (class folder, simulation). Demonstrations and
   * evaluation compare with it; the decision and the training never see it.
   */
  reference?: string;
  /** Where the picture came from, when the source is a file. */
  origin?: string;
}

/** What a driver knows of a picture; the supervisor adds camera, sequence and the missing time. */
export type CapturedPicture = Pick<Frame, 'jpeg' | 'group' | 'reference' | 'origin'> & {
  capturedAtMs?: number;
};

/**
 * Takes a picture at once. May return a promise: a source that can wait (files, the simulation)
 * then shows its next picture only after it; a live source never waits and never queues.
 */
export type PictureReceiver = (picture: CapturedPicture) => unknown;

/** A source of pictures: a real device, a stream or a stand-in. */
export interface CameraDriver {
  /** Human-readable, for logs and without secrets: "ffmpeg /dev/video0". */
  readonly description: string;
  /** Intended longest time between two pictures; the stall watchdog allows for it. Absent = 0. */
  readonly paceMs?: number;
  /** Pictures since the driver was made that were cut off, too large or no picture at all. */
  readonly invalidPictures?: number;
  /**
   * Delivers pictures until `signal` aborts or a finite source ends (then resolves), or the device
   * fails (then rejects with a HeadlandError `HL_CAMERA_…`). May be called again after it settled;
   * must free every process, file and timer before it settles.
   */
  capture(onPicture: PictureReceiver, signal: AbortSignal): Promise<void>;
}
