import { Worker } from 'node:worker_threads';
import { deserialiseError, HeadlandError, messageOf } from '../../base/errors.js';
import type {
  FromInstantWorker,
  InstantHead,
  InstantRequest,
  InstantSettings,
  ToInstantWorker,
} from './instant-protocol.js';

/** The thread waits this long for the next label before it frees its memory. */
const IDLE_MS = 30_000;
const CLOSE_TIMEOUT_MS = 1_500;
const MAX_OLD_GENERATION_MEGABYTES = 96;

interface Pending {
  id: number;
  resolve(learnt: InstantHead | null): void;
  reject(error: HeadlandError): void;
}

/**
 * Makes heads from the labels in the store, in a thread that exists only while people label. One
 * request at a time.
 */
export class InstantLearner {
  #worker: Worker | null = null;
  #pending: Pending | null = null;
  #nextId = 1;
  #idle: NodeJS.Timeout | null = null;

  constructor(
    private readonly settings: InstantSettings,
    /** The program of the thread; only tests use another one. */
    private readonly workerUrl = new URL('./instant-worker.js', import.meta.url),
  ) {}

  /** @throws HeadlandError HL_INSTANT_CRASHED, HL_STORE_… */
  async learn(request: InstantRequest): Promise<InstantHead | null> {
    if (this.#pending) throw new Error('one request at a time');
    if (this.#idle) clearTimeout(this.#idle);
    const worker = this.#open();
    const id = this.#nextId++;
    try {
      // The process must not exit during a request, but may exit while the thread is idle.
      worker.ref();
      return await new Promise<InstantHead | null>((resolve, reject) => {
        this.#pending = { id, resolve, reject };
        worker.postMessage({ id, request } satisfies ToInstantWorker);
      });
    } finally {
      this.#pending = null;
      worker.unref();
      this.#idle = setTimeout(() => void this.stop(), IDLE_MS);
      this.#idle.unref();
    }
  }

  /** Ends the thread after the request in work; the next request starts it again. */
  async stop(): Promise<void> {
    if (this.#idle) clearTimeout(this.#idle);
    const worker = this.#worker;
    if (!worker) return;
    this.#worker = null;
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage('close' satisfies ToInstantWorker);
    const timer = setTimeout(() => void worker.terminate(), CLOSE_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  #open(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(this.workerUrl, {
      workerData: this.settings,
      name: 'instant',
      resourceLimits: { maxOldGenerationSizeMb: MAX_OLD_GENERATION_MEGABYTES },
    });
    worker.on('message', (message: FromInstantWorker) => {
      if (message.id !== this.#pending?.id) return;
      if ('error' in message) this.#pending.reject(deserialiseError(message.error));
      else this.#pending.resolve(message.learnt);
    });
    let cause: unknown = null;
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', (code) => {
      if (this.#worker === worker) this.#worker = null;
      this.#pending?.reject(crashed(cause ? messageOf(cause) : `exit code ${code}`, cause));
    });
    this.#worker = worker;
    return worker;
  }
}

function crashed(why: string, cause: unknown): HeadlandError {
  return new HeadlandError(
    'HL_INSTANT_CRASHED',
    `the thread that learns from single labels ended: ${why}`,
    {
      remedy:
        'Nothing: the next label starts it again. If this repeats, check free memory and report the log.',
      cause,
    },
  );
}
