import { Worker } from 'node:worker_threads';
import { deserialiseError, HeadlandError, messageOf } from '../errors.js';
import type { Log } from '../log.js';
import type {
  BackboneInfo,
  FromWorker,
  Perceived,
  PerceptionSettings,
  ServingHead,
  ToWorker,
} from './protocol.js';

/** The least that perception must know of a frame; the caller's own frame comes back whole. */
export interface PerceivableFrame {
  camera: string;
  jpeg: Uint8Array;
}

export interface PerceptionEvents<F extends PerceivableFrame> {
  onPerceived(frame: F, perceived: Perceived): void;
  /** The frame could not be decoded or embedded; it is gone, the next one is taken. */
  onRefused(frame: F, error: HeadlandError): void;
  /** The worker ended by itself or refused a head; it is started again. */
  onFailure(error: HeadlandError): void;
}

interface Waiting<F> {
  frame: F;
  /** Called when the frame was perceived, refused, replaced or given up. */
  settled: () => void;
}

const RESTART_DELAY_MS = 1_000;
const CLOSE_TIMEOUT_MS = 1_500;

/**
 * Hands frames to the worker thread, one at a time, always the newest of each camera: what waits
 * is replaced, never queued. Heads are swapped between two frames, so none is dropped by a swap.
 */
export class Perception<F extends PerceivableFrame> {
  #worker: Worker | null = null;
  #backbone: BackboneInfo | null = null;
  #serving: ServingHead | null = null;
  #inFlight: (Waiting<F> & { id: number }) | null = null;
  #nextId = 1;
  #stopping = false;
  #sinceMs = performance.now();
  #restartTimer: NodeJS.Timeout | null = null;
  readonly #waiting = new Map<string, Waiting<F>>();
  readonly #dropped = new Map<string, number>();

  constructor(
    private readonly settings: PerceptionSettings,
    private readonly events: PerceptionEvents<F>,
    private readonly log: Log,
  ) {}

  /**
   * Starts the worker and waits until the backbone is loaded.
   * @throws HeadlandError what opening the backbone throws, HL_PERCEPTION_CRASHED
   */
  start(): Promise<BackboneInfo> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.js', import.meta.url), {
        workerData: this.settings,
        name: 'perception',
      });
      this.#worker = worker;
      let ready = false;
      let lastError: HeadlandError | null = null;
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          ready = true;
          this.#backbone = message.backbone;
          if (this.#serving) this.#send({ type: 'head', serving: this.#serving });
          resolve(message.backbone);
          this.#handOver();
        } else if (message.type === 'failed') {
          lastError = deserialiseError(message.error);
          if (ready) this.events.onFailure(lastError);
        } else {
          this.#settle(message);
        }
      });
      worker.on('error', (error) => {
        lastError = crashed(messageOf(error), error);
      });
      worker.on('exit', (code) => {
        if (this.#worker !== worker) return;
        this.#worker = null;
        this.#inFlight?.settled();
        this.#inFlight = null;
        const error = lastError ?? crashed(`the perception thread ended with code ${code}`);
        if (!ready) reject(error);
        else if (!this.#stopping) this.#restart(error);
      });
    });
  }

  /**
   * Gives a frame to be perceived; replaces one of the same camera that still waits. Resolves when
   * nothing more happens to the frame, so that a recording can go at the pace of perception.
   */
  submit(frame: F): Promise<void> {
    const replaced = this.#waiting.get(frame.camera);
    if (replaced) {
      this.#waiting.delete(frame.camera);
      this.#dropped.set(frame.camera, this.dropped(frame.camera) + 1);
      replaced.settled();
    }
    return new Promise((settled) => {
      if (this.#stopping) return settled();
      this.#waiting.set(frame.camera, { frame, settled });
      this.#handOver();
    });
  }

  /** Frames of a camera that were replaced before they could be perceived. */
  dropped(camera: string): number {
    return this.#dropped.get(camera) ?? 0;
  }

  /** Null until {@link start} resolved. */
  get backbone(): BackboneInfo | null {
    return this.#backbone;
  }

  /** How long the frame in work has been there, milliseconds; 0 = none is. */
  get busyForMs(): number {
    return this.#inFlight ? performance.now() - this.#sinceMs : 0;
  }

  /** For how long there has been no backbone, milliseconds; 0 = it is there. */
  get downForMs(): number {
    return this.#backbone ? 0 : performance.now() - this.#sinceMs;
  }

  get servingVersion(): number | null {
    return this.#serving?.version ?? null;
  }

  /** From the next frame on, this head decides; null: every decision is `unknown`. */
  swapHead(serving: ServingHead | null): void {
    this.#serving = serving;
    this.#send({ type: 'head', serving });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#restartTimer) clearTimeout(this.#restartTimer);
    for (const { settled } of this.#waiting.values()) settled();
    this.#waiting.clear();
    const worker = this.#worker;
    if (!worker) return;
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.#send({ type: 'close' });
    const timer = setTimeout(() => void worker.terminate(), CLOSE_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  #handOver(): void {
    if (this.#inFlight || !this.#worker || !this.#backbone || this.#stopping) return;
    const next = this.#waiting.values().next();
    if (next.done) return;
    // A Map keeps the order of insertion: the camera that has waited longest comes first.
    const { frame } = next.value;
    this.#waiting.delete(frame.camera);
    const id = this.#nextId++;
    this.#inFlight = { ...next.value, id };
    this.#sinceMs = performance.now();
    this.#send({ type: 'frame', id, jpeg: frame.jpeg });
  }

  #settle(message: Extract<FromWorker, { id: number }>): void {
    const inFlight = this.#inFlight;
    if (inFlight?.id !== message.id) return;
    this.#inFlight = null;
    this.#handOver();
    if (message.type === 'perceived') this.events.onPerceived(inFlight.frame, message.perceived);
    else this.events.onRefused(inFlight.frame, deserialiseError(message.error));
    inFlight.settled();
  }

  #restart(error: HeadlandError): void {
    this.log.error(
      { code: error.code, err: error },
      'the perception thread ended; starting it again',
    );
    if (this.#backbone) this.#sinceMs = performance.now();
    this.#backbone = null;
    this.events.onFailure(error);
    this.#restartTimer = setTimeout(() => {
      this.start().catch((again) => {
        if (!this.#stopping)
          this.#restart(again instanceof HeadlandError ? again : crashed(messageOf(again)));
      });
    }, RESTART_DELAY_MS);
  }

  #send(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }
}

function crashed(message: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_PERCEPTION_CRASHED', message, {
    remedy: 'It is started again by itself; if this repeats, check free memory and report the log.',
    cause,
  });
}
