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

/** A driver that has not settled so long after its end was asked for is left behind, milliseconds. */
const STOP_LIMIT_MS = 900;

/**
 * `opening`: started, no frame yet; `running`: frames come; `waiting`: failed, tried again after a
 * pause; `ended`: a finite source is over; `stopped`: not started, or stopped on purpose.
 */
export type CameraPhase = 'opening' | 'running' | 'waiting' | 'ended' | 'stopped';

export interface CameraState {
  name: string;
  description: string;
  phase: CameraPhase;
  /** How often the driver was started again since start(). */
  restarts: number;
  lastRestartReason: { code: string; message: string; atMs: number } | null;
  /** Pictures that came, those that were left out or could not be used among them. */
  framesTotal: number;
  /** Left out because nothing moved in them. */
  stillFrames: number;
  /** Replaced by a newer one before they could be cut, masked or compared. */
  droppedFrames: number;
  /** Unix time, milliseconds. */
  lastFrameAtMs: number | null;
  /** Pictures that were cut off, no picture at all, or could not be decoded. */
  invalidPictures: number;
  /** What the pictures look like; null before they were measured, or when they never are. */
  quality: CameraQuality | null;
}

export interface SupervisorOptions {
  /** Name of the camera. */
  name: string;
  /** No frame for this long (beyond the driver's own pace): closed and opened again. */
  stallMs: number;
  backoff: BackoffPolicy;
  /** Frames of a driver without groups of its own share one for this long. */
  groupWindowMs: number;
  /** What is cut out of the pictures, masked, left out and measured. */
  pictures: PictureSettings;
  /** Pictures that have to be decoded here and are larger are refused. */
  pictureLimits: PictureLimits;
  /** Told when the camera gives no picture at all, and when it gives one again. */
  alarms?: AlarmSwitch;
  log: Log;
  /** Uniform in [0, 1); draws the pauses between attempts. */
  random?: () => number;
  /** Called after each change of phase. */
  onState?: (state: CameraState) => void;
  /** Called with each measurement of the pictures, and at once when their condition changes. */
  onQuality?: (quality: CameraQuality) => void;
  /** Called when a picture could not be decoded here; it is counted already. */
  onRefused?: (frame: Frame, error: HeadlandError) => void;
}

/**
 * Takes a frame at once; nothing is queued for it. May return a promise: file-like
 * sources wait for it, and meanwhile the stall watchdog rests.
 */
export type FrameReceiver = (frame: Frame) => unknown;

/**
 * Keeps one camera going: numbers, times and groups its pictures, notices when they stop coming,
 * and opens it again, without limit, after a pause that grows with the failures in a row.
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
  /** Its moment as `performance.now()` said it. */
  #lastFailure: { code: string; message: string; momentMs: number } | null = null;
  #framesTotal = 0;
  /** As `performance.now()` said it. */
  #lastFrameMs: number | null = null;
  #undecodable = 0;

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

  /** For whoever decodes the frames: this camera's last picture was none. */
  reportInvalidPicture(): void {
    this.#undecodable += 1;
  }

  /**
   * Opens the camera; returns at once and never throws for a camera that fails. A supervisor is
   * started once.
   *
   * @throws Error when it was started before.
   */
  start(onFrame: FrameReceiver): void {
    if (this.#running) throw new Error(`camera ${this.#options.name} was started before`);
    this.#onFrame = onFrame;
    this.#running = this.#superviseUntilStopped();
  }

  /** Ends the driver and frees what it holds, in less than a second; idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#stage.close();
    const over = new AbortController();
    const settled = Promise.resolve(this.#running).then(() => over.abort());
    await Promise.race([settled, pause(STOP_LIMIT_MS, over.signal)]);
    if (!over.signal.aborted) {
      this.#options.log.warn(
        { camera: this.#options.name },
        'the camera does not let go of its device; left behind',
      );
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
        log.info({ camera: name, frames: this.#framesTotal }, 'the source has ended');
        this.#enter('ended');
        return;
      }
      if (run.wasHealthy) backoff.reset();
      // A camera that only drops its connection now and then is none.
      if (!run.gavePictures)
        this.#alarms.raise(`camera-${name}`, deserialiseError(failure), 'critical');
      const delayMs = Math.round(backoff.nextMs());
      const { code, message } = failure;
      if (code === 'HL_CAMERA_GARBAGE') this.#stage.sentGarbage();
      this.#lastFailure = { code, message, momentMs: performance.now() };
      log.warn(
        { camera: name, code, remedy: failure.remedy, details: failure.details, delayMs },
        `camera is opened again: ${message}`,
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
    this.#alarms.clear(`camera-${this.#options.name}`);
    this.#enter('running');
    return this.#stage.submit({
      ...picture,
      camera: this.#options.name,
      sequence: this.#framesTotal,
      capturedAtMs,
      group: picture.group ?? this.#groups.groupAt(capturedAtMs, nowMs),
    });
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
