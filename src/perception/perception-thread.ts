import { Worker } from 'node:worker_threads';
import { readCachedModel } from '../backbone/cache.js';
import { loadCard } from '../backbone/card-folders.js';
import { featureChecksum } from '../backbone/embedder.js';
import { fullPrecisionName } from '../backbone/variant.js';
import type {
  FromWorker,
  PerceptionSettings,
  ToWorker,
  WorkerSettings,
} from './perception-protocol.js';

export interface ThreadEvents {
  onMessage(message: FromWorker): void;
  onError(error: unknown): void;
  onExit(code: number): void;
}

/**
 * The thread that holds the backbone. It loads the backbone while the rest of the program is loading:
 * what happens before {@link listen} is kept until then.
 */
export class PerceptionThread {
  readonly #worker: Worker;
  #missed: ((events: ThreadEvents) => void)[] = [];
  #events: ThreadEvents | null = null;

  private constructor(settings: WorkerSettings) {
    this.#worker = new Worker(new URL('./perception-worker.js', import.meta.url), {
      workerData: settings,
      transferList: [settings.model.buffer as ArrayBuffer],
      name: 'perception',
    });
    this.#worker.on('message', (message: FromWorker) => {
      this.#tell((events) => events.onMessage(message));
    });
    this.#worker.on('error', (error) => this.#tell((events) => events.onError(error)));
    this.#worker.on('exit', (code) => this.#tell((events) => events.onExit(code)));
    // A program that fails before it listens must be able to end.
    this.#worker.unref();
  }

  /**
   * Reads the backbone from the cache and starts the thread.
   * @param fullPrecision reads the backbone that the configured 8-bit variant was made from
   * @throws HeadlandError errors of reading the card and the cache
   */
  static async start(
    settings: PerceptionSettings,
    fullPrecision = false,
  ): Promise<PerceptionThread> {
    return new PerceptionThread(await readBackbone(settings, fullPrecision));
  }

  listen(events: ThreadEvents): void {
    this.#worker.ref();
    this.#events = events;
    for (const missed of this.#missed) missed(events);
    this.#missed = [];
  }

  send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /** Asks the thread to end after the frame in work, and ends it by force after `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    const exited = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    this.send({ type: 'close' });
    const timer = setTimeout(() => void this.#worker.terminate(), timeoutMs);
    await exited;
    clearTimeout(timer);
  }

  #tell(event: (events: ThreadEvents) => void): void {
    if (this.#events) event(this.#events);
    else this.#missed.push(event);
  }
}

async function readBackbone(
  settings: PerceptionSettings,
  fullPrecision: boolean,
): Promise<WorkerSettings> {
  const { backbone, cardsDir, addedCardsDir, cacheDir, fit, threads, execution, tasks } = settings;
  const name = fullPrecision ? fullPrecisionName(backbone) : backbone;
  const card = await loadCard(name, cardsDir, addedCardsDir);
  const { model, checksum, variantGolden } = await readCachedModel(card, cacheDir);
  return {
    card,
    modelChecksum: checksum,
    variantGolden,
    checksum: featureChecksum(checksum, fit),
    threads,
    execution,
    tasks,
    // In memory of its own, so that it can move to the worker: a Buffer may be part of a larger
    // block.
    model: model.byteLength === model.buffer.byteLength ? model : new Uint8Array(model),
  };
}
