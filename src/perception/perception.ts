import {
  deserialiseError,
  HeadlandError,
  isHeadlandError,
  messageOf,
  serialiseError,
} from '../base/errors.js';
import type { Log } from '../base/log.js';
import { eyeOf } from '../base/words/eye.js';
import { decidesOn } from '../base/words/task.js';
import { decodePicture } from '../vision/decode.js';
import { differenceHash } from '../vision/dhash.js';
import { Beliefs } from './beliefs.js';
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
} from './perception-protocol.js';
import { PerceptionThread } from './perception-thread.js';
import { PixelRing } from './pixel-ring.js';

export interface PerceptionEvents<F extends PerceivableFrame> {
  onPerceived(frame: F, perceived: Perceived): void;
  /** The frame could not be decoded or embedded; it is dropped, and the next one follows. */
  onRefused(frame: F, error: HeadlandError): void;
  /** The worker ended unexpectedly and is restarted. */
  onFailure(error: HeadlandError): void;
  /** The restarted worker refused the serving head of a task; now no head decides for it. */
  onHeadLost(task: string, error: HeadlandError): void;
}

/** A head that the worker has not acknowledged yet. */
interface Swap {
  task: string;
  serving: ServingHead | null;
  /** False while there is no worker to send it to. */
  sent: boolean;
  timer: NodeJS.Timeout;
  resolve(): void;
  reject(error: HeadlandError): void;
}

/** A worker between its start and its end. */
interface Start {
  ready: boolean;
  /** The last error that it reported. */
  lastError: HeadlandError | null;
  resolve(backbone: BackboneInfo): void;
  reject(error: HeadlandError): void;
}

interface Running {
  backbone: BackboneInfo;
  ring: PixelRing;
}

const RESTART_DELAY_MS = 1_000;
const CLOSE_TIMEOUT_MS = 1_500;
/** A restart of the worker takes about two seconds, a forward pass much less. */
const SWAP_TIMEOUT_MS = 15_000;

/**
 * Perceives frames in two overlapping stages: libvips decodes on a thread of its own pool, and the
 * worker embeds and decides. It always takes the newest frame of each camera and region: a waiting
 * frame is replaced, never queued. Heads are swapped between two frames, so that a swap drops none.
 */
export class Perception<F extends PerceivableFrame> {
  #thread: PerceptionThread | null = null;
  #running: Running | null = null;
  /** The head of each task that the worker has acknowledged. */
  readonly #serving = new Map<string, ServingHead>();
  readonly #swaps = new Map<number, Swap>();
  #decoding: Job<F> | null = null;
  #forward: DecodedJob<F> | null = null;
  /** Already sent to the worker, which begins it when it has finished the one before. */
  #next: DecodedJob<F> | null = null;
  #nextId = 1;
  #cacheDir: string;
  #stopping = false;
  #downSinceMs = performance.now();
  /** Why the configured backbone does not serve. */
  #unfit: HeadlandError | null = null;
  #unaccelerated: HeadlandError | null = null;
  #early: Promise<PerceptionThread> | null;
  #held = false;
  #restartTimer: NodeJS.Timeout | null = null;
  #beginTimer: NodeJS.Timeout | null = null;
  readonly #pace = new Pace();
  readonly #beliefs: Beliefs;
  readonly #waiting = new Map<string, Waiting<F>>();
  readonly #dropped = new Map<string, number>();

  constructor(
    private readonly settings: PerceptionSettings,
    private readonly events: PerceptionEvents<F>,
    private readonly log: Log,
    /** A thread that already starts with these settings; null: none does. */
    early: Promise<PerceptionThread> | null = null,
  ) {
    this.#early = early;
    this.#cacheDir = settings.cacheDir;
    this.#beliefs = new Beliefs(settings.tasks);
  }

  /**
   * Starts the worker and resolves when the backbone is loaded. If an 8-bit backbone computes other
   * features here than on the machine that made it, the fp32 backbone serves instead.
   * @param cacheDir where the backbone is read from, now and after a crash
   * @throws HeadlandError errors of opening the backbone, HL_PERCEPTION_CRASHED
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

  /**
   * Makes the fp32 backbone serve from the next {@link start} on, because its 8-bit variant cannot.
   */
  useFullPrecision(reason: HeadlandError): void {
    this.#unfit = reason;
  }

  async #open(): Promise<BackboneInfo> {
    const thread = await this.#startThread();
    if (this.#stopping) {
      await thread.close(CLOSE_TIMEOUT_MS);
      throw crashed('perception was stopped while it started');
    }
    return new Promise((resolve, reject) => {
      this.#thread = thread;
      const start: Start = { ready: false, lastError: null, resolve, reject };
      thread.listen({
        onMessage: (message) => this.#receive(message, start),
        onError: (error) => {
          start.lastError = crashed(messageOf(error), error);
        },
        onExit: (code) => {
          if (this.#thread === thread) this.#exited(code, start);
        },
      });
    });
  }

  #startThread(): Promise<PerceptionThread> {
    const early = this.#early;
    this.#early = null;
    if (early && !this.#unfit && this.#cacheDir === this.settings.cacheDir) return early;
    return PerceptionThread.start(
      { ...this.settings, cacheDir: this.#cacheDir },
      this.#unfit !== null,
    );
  }

  #receive(message: FromWorker, start: Start): void {
    switch (message.type) {
      case 'ready':
        start.ready = true;
        start.resolve(this.#ready(message));
        this.#begin();
        break;
      case 'failed':
        start.lastError = deserialiseError(message.error);
        if (start.ready) this.events.onFailure(start.lastError);
        break;
      case 'swapped':
        this.#swapped(message.id);
        break;
      case 'head-refused':
        this.#endSwap(message.id)?.reject(deserialiseError(message.error));
        break;
      default:
        this.#settle(message);
    }
  }

  #ready({
    backbone,
    buffers,
    unaccelerated,
  }: Extract<FromWorker, { type: 'ready' }>): BackboneInfo {
    this.#unaccelerated = unaccelerated && deserialiseError(unaccelerated);
    const insteadOf = this.#unfit ? this.settings.backbone : null;
    const info: BackboneInfo = { ...backbone, insteadOf };
    this.#running = { backbone: info, ring: new PixelRing(buffers) };
    this.#sendHeads();
    return info;
  }

  #exited(code: number, { ready, lastError, reject }: Start): void {
    this.#thread = null;
    this.#giveUpWork();
    const error = lastError ?? crashed(`the perception thread ended with code ${code}`);
    for (const [id, { sent }] of this.#swaps) if (sent) this.#endSwap(id)?.reject(error);
    if (!ready) reject(error);
    else if (!this.#stopping) this.#restart(error);
  }

  /**
   * Submits a frame. It replaces a waiting frame of the same eye, unless that frame was requested and
   * the new one was not. Resolves when the frame is finished in any way, so that a recording can run
   * at the speed of perception.
   */
  submit(frame: F): Promise<void> {
    const eye = eyeOf(frame);
    const replaced = this.#waiting.get(eye);
    if (replaced) {
      if (!this.#held) this.#dropped.set(frame.camera, this.dropped(frame.camera) + 1);
      if (replaced.frame.requested && !frame.requested) return Promise.resolve();
      this.#waiting.delete(eye);
      replaced.settled();
    }
    return new Promise((settled) => {
      if (this.#stopping) return settled();
      this.#waiting.set(eye, { frame, settled });
      this.#begin();
    });
  }

  /** Number of frames of a camera that were replaced before perception began them. */
  dropped(camera: string): number {
    return this.#dropped.get(camera) ?? 0;
  }

  /** Null until {@link start} has resolved. */
  get backbone(): BackboneInfo | null {
    return this.#running?.backbone ?? null;
  }

  /** Why the fp32 backbone serves instead of the configured one; null: that one does. */
  get unfit(): HeadlandError | null {
    return this.#unfit;
  }

  /** Why the CPU computes instead of the configured execution provider; null: that one does. */
  get unaccelerated(): HeadlandError | null {
    return this.#unaccelerated;
  }

  /** Age of the oldest frame in work, milliseconds; 0 = none is. */
  get busyForMs(): number {
    const oldest = this.#forward ?? this.#decoding;
    return oldest ? performance.now() - oldest.startMs : 0;
  }

  /** Time without a backbone, milliseconds; 0 = there is one. */
  get downForMs(): number {
    return this.#running ? 0 : performance.now() - this.#downSinceMs;
  }

  /** The head that decides for a task; null: none does. */
  serving(task: string): ServingHead | null {
    return this.#serving.get(task) ?? null;
  }

  /**
   * Makes a head decide for a task from the next frame on; null: every decision is `unknown`. Resolves when
   * the worker uses it. When it rejects, the old head stays, also after a restart of the worker.
   * @throws HeadlandError HL_HEAD_BACKBONE_MISMATCH, HL_FEATURES_MISMATCH, HL_PERCEPTION_CRASHED
   */
  swapHead(task: string, serving: ServingHead | null): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#stopping) return reject(crashed('perception has stopped'));
      const id = this.#nextId++;
      const timer = setTimeout(() => this.#giveUpSwap(id), SWAP_TIMEOUT_MS);
      const swap: Swap = { task, serving, sent: false, timer, resolve, reject };
      this.#swaps.set(id, swap);
      if (this.#running) this.#sendSwap(id, swap);
    });
  }

  /** Begins no frame until {@link release}; of each eye the newest waits. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#begin();
  }

  /** Most frames per second to begin, over all cameras; null: no limit. */
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
    await this.#thread?.close(CLOSE_TIMEOUT_MS);
  }

  /** Begins the next frame, now or when it is due. */
  #begin(): void {
    if (this.#beginTimer) clearTimeout(this.#beginTimer);
    if (this.#held || this.#stopping) return;
    const next = this.#nextWaiting();
    if (!next || this.#decoding || this.#next || !this.#running) return;
    const nowMs = performance.now();
    const waitMs = this.#pace.waitMs(nowMs, this.#forward?.forwardSinceMs ?? null);
    if (waitMs >= 1 && !next.frame.requested) {
      this.#beginTimer = setTimeout(() => this.#begin(), waitMs);
      return;
    }
    this.#waiting.delete(eyeOf(next.frame));
    // A rate limit is one of camera frames.
    if (next.frame.stored === undefined) this.#pace.started(nowMs);
    this.#decoding = { ...next, id: this.#nextId++, startMs: nowMs, decodeMs: 0 };
    void this.#decode(this.#decoding, this.#running);
  }

  /** The requested frame, else that of the eye that has waited longest; a stored sample comes last. */
  #nextWaiting(): Waiting<F> | undefined {
    // A Map keeps insertion order.
    const waiting = [...this.#waiting.values()];
    return (
      waiting.find(({ frame }) => frame.requested) ??
      waiting.find(({ frame }) => frame.stored === undefined) ??
      waiting[0]
    );
  }

  async #decode(job: Job<F>, { backbone, ring }: Running): Promise<void> {
    const { fit, maxPictureBytes, maxPicturePixels } = this.settings;
    const decoded = await decodePicture(job.frame.jpeg, {
      sizePixels: backbone.inputSize,
      fit,
      maxBytes: maxPictureBytes,
      maxPixels: maxPicturePixels,
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
    // No frame is decoded while one waits for the worker, so one of the two slots is free.
    const slot = ring.put(decoded.data) as number;
    this.#handOver({ ...job, image: decoded, slot, dhash: '', forwardSinceMs: performance.now() });
  }

  #handOver(job: DecodedJob<F>): void {
    if (this.#forward) this.#next = job;
    else this.#forward = job;
    this.#send({ type: 'frame', id: job.id, slot: job.slot, tasks: this.#tasksOf(job.frame) });
    this.#begin();
    // Hashed last: no decision depends on it.
    job.dhash = differenceHash(job.image);
  }

  /** Sends the heads to a worker that has just become ready. */
  #sendHeads(): void {
    // First the heads that served before the worker ended, then the swaps that waited.
    const waiting = [...this.#swaps];
    this.#swaps.clear();
    for (const [task, serving] of this.#serving) {
      this.swapHead(task, serving).catch((error) => this.#lost(task, error));
    }
    for (const [id, swap] of waiting) this.#swaps.set(id, swap);
    for (const [id, swap] of this.#swaps) if (!swap.sent) this.#sendSwap(id, swap);
  }

  /** The restarted worker refused the head that served. */
  #lost(task: string, error: HeadlandError): void {
    // The worker ended once more; the head is sent to the next one.
    if (error.code === 'HL_PERCEPTION_CRASHED') return;
    this.#serving.delete(task);
    this.events.onHeadLost(task, error);
  }

  #sendSwap(id: number, swap: Swap): void {
    swap.sent = true;
    this.#send({ type: 'head', id, task: swap.task, serving: swap.serving });
  }

  #swapped(id: number): void {
    const swap = this.#endSwap(id);
    if (!swap) return;
    if (swap.serving) this.#serving.set(swap.task, swap.serving);
    else this.#serving.delete(swap.task);
    swap.resolve();
  }

  #endSwap(id: number): Swap | null {
    const swap = this.#swaps.get(id) ?? null;
    if (swap) clearTimeout(swap.timer);
    this.#swaps.delete(id);
    return swap;
  }

  /** The worker may still take the abandoned head, so the serving head is sent again after it. */
  #giveUpSwap(id: number): void {
    const swap = this.#endSwap(id);
    if (!swap) return;
    const { task } = swap;
    const followed = [...this.#swaps.values()].some((other) => other.task === task);
    if (swap.sent && !followed) {
      this.#send({ type: 'head', id: this.#nextId++, task, serving: this.serving(task) });
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
    if (message.type === 'seen') {
      const { seen } = message;
      // Messages come in order: the head that answered is the one acknowledged last.
      const answers = seen.answers.map((answer) => ({
        task: answer.task,
        decision: answer.decision,
        scene: this.#beliefs.observe(this.serving(answer.task), job, answer, seen.features),
      }));
      this.events.onPerceived(job.frame, perceived(job, seen, answers));
    } else this.events.onRefused(job.frame, deserialiseError(message.error));
    job.settled();
  }

  #tasksOf(frame: F): string[] {
    if (frame.stored !== undefined) return [];
    return this.settings.tasks.filter((task) => decidesOn(task, frame)).map(({ name }) => name);
  }

  /** Abandons the frames in work, because the worker is gone. */
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
    this.#thread?.send(message);
  }
}

function crashed(message: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_PERCEPTION_CRASHED', message, {
    remedy:
      'Nothing: the thread starts again by itself. If this repeats, check free memory and report the log.',
    cause,
  });
}
