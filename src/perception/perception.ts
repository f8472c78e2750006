import { Worker } from 'node:worker_threads';
import { readCachedModel } from '../backbone/cache.js';
import { loadCard } from '../backbone/card-folders.js';
import { featureChecksum } from '../backbone/embedder.js';
import { fullPrecisionName } from '../backbone/variant.js';
import {
  deserialiseError,
  HeadlandError,
  isHeadlandError,
  messageOf,
  serialiseError,
} from '../base/errors.js';
import type { Log } from '../base/log.js';
import { decodePicture } from '../vision/decode.js';
import { differenceHash } from '../vision/dhash.js';
import {
  type DecodedJob,
  type Job,
  type PerceivableFrame,
  perceived,
  type Waiting,
} from './jobs.js';
import { Pace } from './pace.js';
import type {
  BackboneInfo,
  FromWorker,
  Perceived,
  PerceptionSettings,
  ServingHead,
  ToWorker,
  WorkerSettings,
} from './perception-protocol.js';
import { PixelRing } from './pixel-ring.js';

export interface PerceptionEvents<F extends PerceivableFrame> {
  onPerceived(frame: F, perceived: Perceived): void;
  /** The frame could not be decoded or embedded; it is gone, the next one is taken. */
  onRefused(frame: F, error: HeadlandError): void;
  /** The worker ended by itself; it is started again. */
  onFailure(error: HeadlandError): void;
  /** The worker that started again refused the serving head: none decides. */
  onHeadLost(error: HeadlandError): void;
}

/** A head that the worker has not answered for. */
interface Swap {
  serving: ServingHead | null;
  /** False while there is no worker to send it to. */
  sent: boolean;
  timer: NodeJS.Timeout;
  resolve(): void;
  reject(error: HeadlandError): void;
}

interface Running {
  backbone: BackboneInfo;
  ring: PixelRing;
}

const RESTART_DELAY_MS = 1_000;
const CLOSE_TIMEOUT_MS = 1_500;
/** A worker that starts again takes about two seconds, a forward pass much less. */
const SWAP_TIMEOUT_MS = 15_000;

/**
 * The way of a frame in two stages that overlap: libvips decodes on a thread of its own pool, the
 * worker embeds and decides. Always the newest frame of each camera: what waits is replaced, never
 * queued. Heads are swapped between two frames, so none is dropped by a swap.
 */
export class Perception<F extends PerceivableFrame> {
  #worker: Worker | null = null;
  #running: Running | null = null;
  /** What the worker said that it uses. */
  #serving: ServingHead | null = null;
  readonly #swaps = new Map<number, Swap>();
  #decoding: Job<F> | null = null;
  #forward: DecodedJob<F> | null = null;
  /** With the worker already, which begins with it as soon as it is done with the one before. */
  #next: DecodedJob<F> | null = null;
  #nextId = 1;
  #cacheDir: string;
  #stopping = false;
  #downSinceMs = performance.now();
  /** Why the configured backbone does not serve. */
  #unfit: HeadlandError | null = null;
  #restartTimer: NodeJS.Timeout | null = null;
  #beginTimer: NodeJS.Timeout | null = null;
  readonly #pace = new Pace();
  readonly #waiting = new Map<string, Waiting<F>>();
  readonly #dropped = new Map<string, number>();

  constructor(
    private readonly settings: PerceptionSettings,
    private readonly events: PerceptionEvents<F>,
    private readonly log: Log,
  ) {
    this.#cacheDir = settings.cacheDir;
  }

  /**
   * Starts the worker and waits until the backbone is loaded. An 8-bit backbone that computes other
   * features here than where it was made does not serve: the fp32 one takes its place.
   * @param cacheDir where the backbone is read from, now and after a crash
   * @throws HeadlandError what opening the backbone throws, HL_PERCEPTION_CRASHED
   */
  async start(cacheDir: string = this.#cacheDir): Promise<BackboneInfo> {
    this.#cacheDir = cacheDir;
    try {
      return await this.#open();
    } catch (error) {
      if (!isHeadlandError(error, 'HL_MODEL_INT8_DIFFERS')) throw error;
      this.#unfit = error;
      const { code, message, remedy } = error;
      this.log.warn({ code, remedy }, `${message}; the fp32 backbone serves instead`);
      return this.#open();
    }
  }

  /** Lets the fp32 backbone serve from the next {@link start} on, because its 8-bit variant cannot. */
  useFullPrecision(reason: HeadlandError): void {
    this.#unfit = reason;
  }

  async #open(): Promise<BackboneInfo> {
    const settings = { ...this.settings, cacheDir: this.#cacheDir };
    const workerData = await readBackbone(settings, this.#unfit !== null);
    if (this.#stopping) throw crashed('perception was stopped while it started');
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./perception-worker.js', import.meta.url), {
        ...{ workerData, transferList: [workerData.model.buffer as ArrayBuffer] },
        name: 'perception',
      });
      this.#worker = worker;
      let ready = false;
      let lastError: HeadlandError | null = null;
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          ready = true;
          const { buffers } = message;
          const backbone = {
            ...message.backbone,
            insteadOf: this.#unfit ? this.settings.backbone : null,
          };
          this.#running = { backbone, ring: new PixelRing(buffers) };
          this.#sendHeads();
          resolve(backbone);
          this.#begin();
        } else if (message.type === 'failed') {
          lastError = deserialiseError(message.error);
          if (ready) this.events.onFailure(lastError);
        } else if (message.type === 'swapped') {
          this.#swapped(message.id);
        } else if (message.type === 'head-refused') {
          this.#endSwap(message.id)?.reject(deserialiseError(message.error));
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
        this.#giveUpWork();
        const error = lastError ?? crashed(`the perception thread ended with code ${code}`);
        for (const [id, { sent }] of this.#swaps) if (sent) this.#endSwap(id)?.reject(error);
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
      this.#begin();
    });
  }

  /** Frames of a camera that were replaced before they could be perceived. */
  dropped(camera: string): number {
    return this.#dropped.get(camera) ?? 0;
  }

  /** Null until {@link start} resolved. */
  get backbone(): BackboneInfo | null {
    return this.#running?.backbone ?? null;
  }

  /** Why the fp32 backbone serves instead of the configured one; null: that one does. */
  get unfit(): HeadlandError | null {
    return this.#unfit;
  }

  /** How long the oldest frame in work has been there, milliseconds; 0 = none is. */
  get busyForMs(): number {
    const oldest = this.#forward ?? this.#decoding;
    return oldest ? performance.now() - oldest.startMs : 0;
  }

  /** For how long there has been no backbone, milliseconds; 0 = it is there. */
  get downForMs(): number {
    return this.#running ? 0 : performance.now() - this.#downSinceMs;
  }

  /** The head that decides; null: none does. */
  get serving(): ServingHead | null {
    return this.#serving;
  }

  /**
   * Lets a head decide from the next frame on; null: every decision is `unknown`. Resolves when the
   * worker uses it. When it rejects, the head before goes on, also in a worker that starts again.
   * @throws HeadlandError HL_HEAD_BACKBONE_MISMATCH, HL_FEATURES_MISMATCH, HL_PERCEPTION_CRASHED
   */
  swapHead(serving: ServingHead | null): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#stopping) return reject(crashed('perception has stopped'));
      const id = this.#nextId++;
      const timer = setTimeout(() => this.#giveUpSwap(id), SWAP_TIMEOUT_MS);
      const swap: Swap = { serving, sent: false, timer, resolve, reject };
      this.#swaps.set(id, swap);
      if (this.#running) this.#sendSwap(id, swap);
    });
  }

  /** Begins at most so many frames a second, over all cameras; null: as many as it can. */
  limitRate(maxFramesPerSecond: number | null): void {
    this.#pace.limit(maxFramesPerSecond);
    this.#begin();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#beginTimer) clearTimeout(this.#beginTimer);
    if (this.#restartTimer) clearTimeout(this.#restartTimer);
    for (const { settled } of this.#waiting.values()) settled();
    this.#waiting.clear();
    for (const id of this.#swaps.keys())
      this.#endSwap(id)?.reject(crashed('perception has stopped'));
    const worker = this.#worker;
    if (!worker) return;
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.#send({ type: 'close' });
    const timer = setTimeout(() => void worker.terminate(), CLOSE_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  /** Begins with the next frame, now or when it is time. */
  #begin(): void {
    if (this.#beginTimer) clearTimeout(this.#beginTimer);
    const { value: next } = this.#waiting.values().next();
    if (!next || this.#decoding || this.#next || !this.#running || this.#stopping) return;
    const nowMs = performance.now();
    const waitMs = this.#pace.waitMs(nowMs, this.#forward?.forwardSinceMs ?? null);
    if (waitMs >= 1) {
      this.#beginTimer = setTimeout(() => this.#begin(), waitMs);
      return;
    }
    // A Map keeps the order of insertion: the camera that has waited longest comes first.
    this.#waiting.delete(next.frame.camera);
    this.#pace.started(nowMs);
    this.#decoding = { ...next, id: this.#nextId++, startMs: nowMs, decodeMs: 0 };
    void this.#decode(this.#decoding, this.#running);
  }

  async #decode(job: Job<F>, { backbone, ring }: Running): Promise<void> {
    const { fit, maxPictureBytes, maxPicturePixels } = this.settings;
    const decoded = await decodePicture(job.frame.jpeg, {
      ...{ sizePixels: backbone.inputSize, fit },
      ...{ maxBytes: maxPictureBytes, maxPixels: maxPicturePixels },
    }).catch((error: unknown) => deserialiseError(serialiseError(error)));
    if (this.#decoding !== job) return;
    this.#decoding = null;
    if (decoded instanceof HeadlandError) {
      this.#begin();
      this.events.onRefused(job.frame, decoded);
      job.settled();
      return;
    }
    job.decodeMs = performance.now() - job.startMs;
    this.#pace.decoded(job.decodeMs);
    // None is decoded while one waits for the worker, so one of two slots is free.
    const slot = ring.put(decoded.data) as number;
    this.#handOver({ ...job, image: decoded, slot, dhash: '', forwardSinceMs: performance.now() });
  }

  #handOver(job: DecodedJob<F>): void {
    if (this.#forward) this.#next = job;
    else this.#forward = job;
    this.#send({ type: 'frame', id: job.id, slot: job.slot });
    this.#begin();
    // Last: no decision waits for it.
    job.dhash = differenceHash(job.image);
  }

  /** To a worker that has just become ready. */
  #sendHeads(): void {
    if (this.#serving) {
      // What served before the worker ended; the swaps that waited for this one come after it.
      const waiting = [...this.#swaps];
      this.#swaps.clear();
      this.swapHead(this.#serving).catch((error) => this.#lost(error));
      for (const [id, swap] of waiting) this.#swaps.set(id, swap);
    }
    for (const [id, swap] of this.#swaps) if (!swap.sent) this.#sendSwap(id, swap);
  }

  /** The worker that started again did not take the head that served. */
  #lost(error: HeadlandError): void {
    // It ended once more: the next one is asked again.
    if (error.code === 'HL_PERCEPTION_CRASHED') return;
    this.#serving = null;
    this.events.onHeadLost(error);
  }

  #sendSwap(id: number, swap: Swap): void {
    swap.sent = true;
    this.#send({ type: 'head', id, serving: swap.serving });
  }

  #swapped(id: number): void {
    const swap = this.#endSwap(id);
    if (!swap) return;
    this.#serving = swap.serving;
    swap.resolve();
  }

  #endSwap(id: number): Swap | null {
    const swap = this.#swaps.get(id) ?? null;
    if (swap) clearTimeout(swap.timer);
    this.#swaps.delete(id);
    return swap;
  }

  /** The worker may still come to it: another head has to follow. */
  #giveUpSwap(id: number): void {
    const swap = this.#endSwap(id);
    if (!swap) return;
    if (swap.sent && this.#swaps.size === 0) {
      this.#send({ type: 'head', id: this.#nextId++, serving: this.#serving });
    }
    swap.reject(crashed(`the perception thread did not answer in ${SWAP_TIMEOUT_MS} ms`));
  }

  #settle(message: Extract<FromWorker, { type: 'seen' | 'refused' }>): void {
    const job = this.#forward;
    if (job?.id !== message.id) return;
    const nowMs = performance.now();
    this.#running?.ring.release(job.slot);
    this.#pace.forwarded(nowMs - job.forwardSinceMs);
    this.#forward = this.#next;
    this.#next = null;
    if (this.#forward) this.#forward.forwardSinceMs = nowMs;
    this.#begin();
    if (message.type === 'seen') this.events.onPerceived(job.frame, perceived(job, message.seen));
    else this.events.onRefused(job.frame, deserialiseError(message.error));
    job.settled();
  }

  /** The worker is gone, and with it the frames in work. */
  #giveUpWork(): void {
    for (const job of [this.#decoding, this.#forward, this.#next]) job?.settled();
    this.#decoding = this.#forward = this.#next = null;
  }

  #restart(error: HeadlandError): void {
    this.log.error(
      { code: error.code, err: error },
      'the perception thread ended; starting it again',
    );
    if (this.#running) this.#downSinceMs = performance.now();
    this.#running = null;
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

/** @param fullPrecision Of an 8-bit backbone the one that it was made of. */
async function readBackbone(
  settings: PerceptionSettings,
  fullPrecision: boolean,
): Promise<WorkerSettings> {
  const { backbone, cardsDir, addedCardsDir, cacheDir, fit, threads, decision } = settings;
  const name = fullPrecision ? fullPrecisionName(backbone) : backbone;
  const card = await loadCard(name, cardsDir, addedCardsDir);
  const { model, checksum, variantGolden } = await readCachedModel(card, cacheDir);
  return {
    ...{
      card,
      modelChecksum: checksum,
      variantGolden,
      checksum: featureChecksum(checksum, fit),
      threads,
      decision,
    },
    // Of its own, so that it can move to the worker: a Buffer may be part of a larger piece.
    model: model.byteLength === model.buffer.byteLength ? model : new Uint8Array(model),
  };
}

function crashed(message: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_PERCEPTION_CRASHED', message, {
    remedy: 'It is started again by itself; if this repeats, check free memory and report the log.',
    cause,
  });
}
