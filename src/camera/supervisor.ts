import { type AlarmSwitch, NO_ALARMS } from '../base/alarms.js';
import { Backoff, type BackoffPolicy } from '../base/backoff.js';
import { deserialiseError, type HeadlandError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { dateOf } from '../base/moment.js';
import { pause } from '../base/pause.js';
import type { PictureLimits } from '../vision/picture.js';
import type { CameraDriver, CapturedPicture, Frame } from './camera.js';
import { CameraRun } from './camera-run.js';
import type { PictureSettings } from './camera-settings.js';
import { GroupClock } from './group-clock.js';
import { FrameStage } from './stage/frame-stage.js';
import type { CameraQuality } from './stage/quality-watch.js';

/** Longest wait for a driver to settle when it is stopped. */
const STOP_LIMIT_MS = 900;

/**
 * `opening`: started, no frame yet; `running`: frames arrive; `waiting`: failed, will be reopened
 * after a delay; `ended`: a finite source has ended; `stopped`: not started, or stopped on purpose.
 */
export type CameraPhase = 'opening' | 'running' | 'waiting' | 'ended' | 'stopped';

export interface CameraState {
  name: string;
  /** Names of its regions; empty: the whole image is one. */
  regions: readonly string[];
  description: string;
  phase: CameraPhase;
  /** How often the driver was restarted since start(). */
  restarts: number;
  lastRestartReason: { code: string; message: string; atMs: number } | null;
  /** Pictures received, including those that were skipped or could not be used. */
  framesTotal: number;
  /** Skipped because nothing moved. */
  stillFrames: number;
  /** Replaced by a newer one while waiting for cropping, masking or motion detection. */
  droppedFrames: number;
  /** Unix time, milliseconds. */
  lastFrameAtMs: number | null;
  /** Pictures that were truncated, malformed or not decodable. */
  invalidPictures: number;
  /** Measured picture quality; null before the first measurement or when measuring is off. */
  quality: CameraQuality | null;
}

/** A picture as captured, before anything was cropped, masked or cut. */
export interface WholePicture {
  picture: Uint8Array;
  /** Unix time, milliseconds. */
  capturedAtMs: number;
}

export interface SupervisorOptions {
  /** Name of the camera. */
  name: string;
  /** Without a frame for this long plus the driver's `paceMs`, the camera is reopened. */
  stallMs: number;
  backoff: BackoffPolicy;
  /** Length of a group of frames, for drivers without groups of their own. */
  groupWindowMs: number;
  /** Cropping, masking, motion detection and quality measurement. */
  pictures: PictureSettings;
  /** Limits of pictures that are decoded here; larger ones are refused. */
  pictureLimits: PictureLimits;
  /** Gets an alarm while the camera delivers no pictures. */
  alarms?: AlarmSwitch;
  log: Log;
  /** Uniform in [0, 1); draws the delays between attempts. */
  random?: () => number;
  /** Called after each change of phase. */
  onState?: (state: CameraState) => void;
  /** Called with each measurement of picture quality, and at once when the condition changes. */
  onQuality?: (quality: CameraQuality) => void;
  /** Called when a picture could not be decoded here; it has already been counted. */
  onRefused?: (frame: Frame, error: HeadlandError) => void;
}

/**
 * Receives a frame; must not block, since frames are not queued. May return a promise: file-like
 * sources wait for it, during which the stall watchdog is suspended.
 */
export type FrameReceiver = (frame: Frame) => unknown;

/**
 * Keeps one camera running: numbers, timestamps and groups its pictures, detects stalls, and
 * reopens the camera without limit, with a back-off that grows with consecutive failures.
 */
export class CameraSupervisor {
  readonly #driver: CameraDriver;
  readonly #options: SupervisorOptions;
  readonly #alarms: AlarmSwitch;
  readonly #groups: GroupClock;
  readonly #stage: FrameStage;
  readonly #stop = new AbortController();
  #onFrame: FrameReceiver = () => {};
  #running: Promise<void> | null = null;
  #phase: CameraPhase = 'stopped';
  #restarts = 0;
  /** `momentMs` is a value of `performance.now()`. */
  #lastFailure: { code: string; message: string; momentMs: number } | null = null;
  #framesTotal = 0;
  /** Value of `performance.now()`. */
  #lastFrameMs: number | null = null;
  #latest: WholePicture | null = null;
  #undecodable = 0;
  /** The next picture was asked for. */
  #requested = false;

  constructor(driver: CameraDriver, options: SupervisorOptions) {
    this.#driver = driver;
    this.#options = options;
    this.#alarms = options.alarms ?? NO_ALARMS;
    this.#groups = new GroupClock(options.name, options.groupWindowMs);
    this.#stage = new FrameStage(options.pictures, options.pictureLimits, {
      onFrame: (frame) => this.#hand(frame),
      onRefused: (frame, error) => {
        this.reportInvalidPicture();
        options.onRefused?.(frame, error);
      },
      onQuality: (quality) => options.onQuality?.(quality),
    });
  }

  state(): CameraState {
    const failure = this.#lastFailure;
    return {
      name: this.#options.name,
      regions: this.#stage.regions,
      description: this.#driver.description,
      phase: this.#phase,
      restarts: this.#restarts,
      lastRestartReason: failure && {
        code: failure.code,
        message: failure.message,
        atMs: dateOf(failure.momentMs),
      },
      framesTotal: this.#framesTotal,
      stillFrames: this.#stage.stillFrames,
      droppedFrames: this.#stage.droppedFrames,
      lastFrameAtMs: this.#lastFrameMs === null ? null : dateOf(this.#lastFrameMs),
      invalidPictures: this.#undecodable + (this.#driver.invalidPictures ?? 0),
      quality: this.#stage.quality,
    };
  }

  /** The newest picture; null before the first. */
  get latest(): WholePicture | null {
    return this.#latest;
  }

  /** Lets the next picture pass motion detection and rate limits. */
  requestPicture(): void {
    this.#requested = true;
  }

  /** Reports that a frame of this camera could not be decoded later. */
  reportInvalidPicture(): void {
    this.#undecodable += 1;
  }

  /**
   * Opens the camera; returns at once, and a failing camera does not make it throw. May be called
   * once.
   *
   * @throws Error when already started
   */
  start(onFrame: FrameReceiver): void {
    if (this.#running) throw new Error(`camera ${this.#options.name} is already started`);
    this.#onFrame = onFrame;
    this.#running = this.#superviseUntilStopped();
  }

  /** Stops the driver and frees its resources in less than a second; idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#stage.close();
    const over = new AbortController();
    const settled = Promise.resolve(this.#running).then(() => over.abort());
    await Promise.race([settled, pause(STOP_LIMIT_MS, over.signal)]);
    if (!over.signal.aborted) {
      this.#options.log.warn({ camera: this.#options.name }, 'camera driver did not stop in time');
    }
    this.#enter('stopped');
  }

  async #superviseUntilStopped(): Promise<void> {
    const { log, name } = this.#options;
    const backoff = new Backoff(this.#options.backoff, this.#options.random);
    const stop = this.#stop.signal;
    while (!stop.aborted) {
      this.#enter('opening');
      const run = new CameraRun(this.#driver, this.#options.stallMs);
      const failure = await run.capture((picture) => this.#deliver(picture), stop);
      if (stop.aborted) return;
      if (!failure) {
        log.info({ camera: name, frames: this.#framesTotal }, 'camera source ended');
        this.#enter('ended');
        return;
      }
      if (run.wasHealthy) backoff.reset();
      // A camera that delivered pictures before its connection dropped needs no alarm.
      if (!run.gavePictures)
        this.#alarms.raise(`camera-${name}`, deserialiseError(failure), 'critical');
      const delayMs = Math.round(backoff.nextMs());
      const { code, message } = failure;
      if (code === 'HL_CAMERA_GARBAGE') this.#stage.sentGarbage();
      this.#lastFailure = { code, message, momentMs: performance.now() };
      log.warn(
        { camera: name, code, remedy: failure.remedy, details: failure.details, delayMs },
        `reopening camera: ${message}`,
      );
      this.#enter('waiting');
      await pause(delayMs, stop);
      if (!stop.aborted) this.#restarts += 1;
    }
  }

  #deliver(picture: CapturedPicture): unknown {
    const capturedAtMs = picture.capturedAtMs ?? Date.now();
    const nowMs = performance.now();
    this.#framesTotal += 1;
    this.#lastFrameMs = nowMs;
    this.#latest = { picture: picture.jpeg, capturedAtMs };
    this.#alarms.clear(`camera-${this.#options.name}`);
    this.#enter('running');
    const frame: Frame = {
      ...picture,
      camera: this.#options.name,
      region: null,
      sequence: this.#framesTotal,
      capturedAtMs,
      group: picture.group ?? this.#groups.groupAt(capturedAtMs, nowMs),
    };
    if (this.#requested) frame.requested = true;
    this.#requested = false;
    return this.#stage.submit(frame);
  }

  #hand(frame: Frame): unknown {
    const complain = (error: unknown) =>
      this.#options.log.error({ camera: frame.camera, err: error }, 'frame handler failed');
    try {
      const taken = this.#onFrame(frame);
      return taken instanceof Promise ? taken.catch(complain) : undefined;
    } catch (error) {
      complain(error);
      return undefined;
    }
  }

  #enter(phase: CameraPhase): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#options.onState?.(this.state());
  }
}
