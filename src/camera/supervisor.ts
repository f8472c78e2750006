import { HeadlandError, type SerialisedError, serialiseError } from '../errors.js';
import type { Log } from '../log.js';
import { type BackoffPolicy, backoffDelayMs } from './backoff.js';
import type { CameraDriver, CapturedPicture, Frame } from './camera.js';
import { GroupClock } from './group-clock.js';
import { pause } from './pause.js';

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
  framesTotal: number;
  /** Unix time, milliseconds. */
  lastFrameAtMs: number | null;
  /** Pictures that were cut off, no picture at all, or could not be decoded. */
  invalidPictures: number;
}

export interface SupervisorOptions {
  /** Name of the camera. */
  name: string;
  /** No frame for this long (beyond the driver's own pace): closed and opened again. */
  stallMs: number;
  backoff: BackoffPolicy;
  /** Frames of a driver without groups of its own share one for this long. */
  groupWindowMs: number;
  log: Log;
  /** Uniform in [0, 1); draws the pauses between attempts. */
  random?: () => number;
  /** Called after each change of phase. */
  onState?: (state: CameraState) => void;
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
  readonly #groups: GroupClock;
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;
  #phase: CameraPhase = 'stopped';
  #restarts = 0;
  #lastRestartReason: CameraState['lastRestartReason'] = null;
  #framesTotal = 0;
  #lastFrameAtMs: number | null = null;
  #undecodable = 0;

  constructor(driver: CameraDriver, options: SupervisorOptions) {
    this.#driver = driver;
    this.#options = options;
    this.#groups = new GroupClock(options.name, options.groupWindowMs);
  }

  state(): CameraState {
    return {
      name: this.#options.name,
      description: this.#driver.description,
      phase: this.#phase,
      restarts: this.#restarts,
      lastRestartReason: this.#lastRestartReason,
      framesTotal: this.#framesTotal,
      lastFrameAtMs: this.#lastFrameAtMs,
      invalidPictures: this.#undecodable + (this.#driver.invalidPictures ?? 0),
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
    this.#running = this.#superviseUntilStopped(onFrame);
  }

  /** Ends the driver and frees what it holds, in less than a second; idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort();
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

  async #superviseUntilStopped(onFrame: FrameReceiver): Promise<void> {
    const { backoff, log, name, random = Math.random } = this.#options;
    const stop = this.#stop.signal;
    let failuresInARow = 0;
    while (!stop.aborted) {
      this.#enter('opening');
      const run = new CameraRun(this.#driver, this.#options.stallMs);
      const failure = await run.capture((picture) => this.#deliver(picture, onFrame), stop);
      if (stop.aborted) return;
      if (!failure) {
        log.info({ camera: name, frames: this.#framesTotal }, 'the source has ended');
        this.#enter('ended');
        return;
      }
      if (run.wasHealthy) failuresInARow = 0;
      const delayMs = Math.round(backoffDelayMs(failuresInARow, backoff, random));
      failuresInARow += 1;
      const { code, message } = failure;
      this.#lastRestartReason = { code, message, atMs: Date.now() };
      log.warn(
        { camera: name, code, remedy: failure.remedy, details: failure.details, delayMs },
        `camera is opened again: ${message}`,
      );
      this.#enter('waiting');
      await pause(delayMs, stop);
      if (!stop.aborted) this.#restarts += 1;
    }
  }

  #deliver(picture: CapturedPicture, onFrame: FrameReceiver): unknown {
    const capturedAtMs = picture.capturedAtMs ?? Date.now();
    this.#framesTotal += 1;
    this.#lastFrameAtMs = capturedAtMs;
    this.#enter('running');
    const frame: Frame = {
      ...picture,
      camera: this.#options.name,
      sequence: this.#framesTotal,
      capturedAtMs,
      group: picture.group ?? this.#groups.groupAt(capturedAtMs),
    };
    const complain = (error: unknown) =>
      this.#options.log.error({ camera: frame.camera, err: error }, 'a frame was not taken');
    try {
      const taken = onFrame(frame);
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

/** One attempt: from the opening of the driver to its end, watched for stalls. */
class CameraRun {
  readonly #driver: CameraDriver;
  readonly #stallMs: number;
  readonly #abort = new AbortController();
  #beingTaken = 0;
  #pictures = 0;
  #firstPictureMs = 0;
  #lastPictureMs = 0;
  #stall: HeadlandError | null = null;

  constructor(driver: CameraDriver, stallMs: number) {
    this.#driver = driver;
    this.#stallMs = stallMs;
  }

  /** Frames came for longer than a stall takes: what happens next is a new trouble, not the old. */
  get wasHealthy(): boolean {
    return this.#lastPictureMs - this.#firstPictureMs >= this.#stallMs;
  }

  /** Runs to the end; null when it was asked to stop or the source is over, else why it failed. */
  async capture(
    deliver: (picture: CapturedPicture) => unknown,
    stop: AbortSignal,
  ): Promise<SerialisedError | null> {
    const invalidBefore = this.#driver.invalidPictures ?? 0;
    const allowedMs = this.#stallMs + (this.#driver.paceMs ?? 0);
    const watchdog = setTimeout(() => {
      const seen = this.#pictures;
      // A busy event loop may owe us pictures that already arrived: let it read them first.
      setImmediate(() => {
        if (this.#abort.signal.aborted) return;
        if (this.#pictures > seen || this.#beingTaken > 0) {
          watchdog.refresh();
          return;
        }
        const invalid = (this.#driver.invalidPictures ?? 0) - invalidBefore;
        this.#stall = this.#pictures === 0 && invalid > 0 ? garbage(invalid) : stalled(allowedMs);
        this.#abort.abort();
      });
    }, allowedMs);
    const onStop = () => this.#abort.abort();
    stop.addEventListener('abort', onStop);
    try {
      await this.#driver.capture((picture) => {
        if (this.#abort.signal.aborted) return undefined;
        watchdog.refresh();
        return this.#hand(picture, deliver, watchdog);
      }, this.#abort.signal);
      return this.#stall && serialiseError(this.#stall);
    } catch (error) {
      return stop.aborted ? null : serialiseError(this.#stall ?? error);
    } finally {
      clearTimeout(watchdog);
      stop.removeEventListener('abort', onStop);
      this.#abort.abort();
    }
  }

  #hand(
    picture: CapturedPicture,
    deliver: (picture: CapturedPicture) => unknown,
    watchdog: NodeJS.Timeout,
  ): unknown {
    const nowMs = performance.now();
    if (this.#pictures === 0) this.#firstPictureMs = nowMs;
    this.#lastPictureMs = nowMs;
    this.#pictures += 1;
    const taken = deliver(picture);
    if (!(taken instanceof Promise)) return undefined;
    this.#beingTaken += 1;
    return taken.finally(() => {
      this.#beingTaken -= 1;
      if (!this.#abort.signal.aborted) watchdog.refresh();
    });
  }
}

function stalled(allowedMs: number): HeadlandError {
  return new HeadlandError('HL_CAMERA_STALLED', `no picture for ${Math.round(allowedMs)} ms`, {
    remedy: 'Check cable and power of the camera; raise stallMs if it is only slow.',
    details: { allowedMs },
  });
}

function garbage(invalidPictures: number): HeadlandError {
  return new HeadlandError(
    'HL_CAMERA_GARBAGE',
    `the camera sends data, but no whole picture (${invalidPictures} broken)`,
    {
      remedy: 'Try a shorter or better cable, a lower resolution, or inputFormat v4l2-yuyv.',
      details: { invalidPictures },
    },
  );
}
