import { Worker } from 'node:worker_threads';
import { DEFECT_REMEDY, deserialiseError, HeadlandError, messageOf } from '../../base/errors.js';
import { pause, settledOrAborted } from '../../base/pause.js';
import type { CameraDriver, CapturedPicture, PictureReceiver } from '../camera.js';
import type { DriverConfig } from '../camera-settings.js';
import type { FieldSettings } from './field-scene.js';
import type { FieldReply, FieldRequest } from './field-worker.js';

export type SimulatedConfig = DriverConfig<'simulated'>;

/**
 * A simulated field camera for demonstrations and tests: deterministic for a seed, one group per
 * pass, the true classes as `references`. Frames are drawn in a worker thread, so that they do not
 * block the daemon's event loop. A reopened driver continues with the next frame.
 */
export class SimulatedDriver implements CameraDriver {
  readonly description: string;
  readonly paceMs: number;
  readonly #config: SimulatedConfig;
  #nextFrame: number;

  constructor(config: SimulatedConfig) {
    this.#config = config;
    this.#nextFrame = config.startFrame;
    this.description = `simulated field, seed ${config.seed} (no real camera)`;
    this.paceMs = config.intervalMs;
  }

  /**
   * Never ends by itself. Waits for the receiver's promise, if any, and for `intervalMs`.
   *
   * @throws HeadlandError HL_CAMERA_EXITED when the worker thread fails
   */
  async capture(onPicture: PictureReceiver, signal: AbortSignal): Promise<void> {
    const { seed, widthPixels, heightPixels, newWeedAfterFrames, wheelTrack, intervalMs } =
      this.#config;
    const settings: FieldSettings = {
      seed,
      widthPixels,
      heightPixels,
      newWeedAfterFrames,
      wheelTrack,
    };
    const worker = new Worker(new URL('./field-worker.js', import.meta.url), {
      workerData: settings,
    });
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    try {
      while (!signal.aborted) {
        const startedMs = performance.now();
        const picture = await draw(worker, this.#nextFrame);
        if (signal.aborted) return;
        this.#nextFrame += 1;
        await settledOrAborted(onPicture(picture), signal);
        await pause(intervalMs - (performance.now() - startedMs), signal);
      }
    } finally {
      // Ended by message rather than terminated, so that an encoder at work can finish.
      worker.postMessage(null satisfies FieldRequest);
      await exited;
    }
  }
}

/** The worker's next reply. It handles one request at a time, so this answers the last one. */
function nextReply(worker: Worker): Promise<FieldReply> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    };
    const onMessage = (reply: FieldReply) => {
      settle();
      resolve(reply);
    };
    const onError = (error: Error) => {
      settle();
      reject(error);
    };
    const onExit = () => onError(new Error('the worker thread exited'));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

async function draw(worker: Worker, frame: number): Promise<CapturedPicture> {
  const answer = nextReply(worker);
  worker.postMessage({ frame } satisfies FieldRequest);
  try {
    const reply = await answer;
    if ('error' in reply) throw deserialiseError(reply.error);
    return reply;
  } catch (error) {
    throw new HeadlandError('HL_CAMERA_EXITED', `the simulation failed: ${messageOf(error)}`, {
      remedy: DEFECT_REMEDY,
      details: { frame },
      cause: error,
    });
  }
}
