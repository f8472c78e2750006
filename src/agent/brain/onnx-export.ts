import { Worker } from 'node:worker_threads';
import {
  deserialiseError,
  HeadlandError,
  messageOf,
  type SerialisedError,
} from '../../base/errors.js';
import type { ExportSettings } from './export-head.js';

/** More means that something is wrong: the largest backbone takes a minute on a small board. */
const TIMEOUT_MS = 300_000;

export interface ExportRequest {
  /** Of the registry. */
  headsDir: string;
  version: number;
  settings: ExportSettings;
}

export type FromExportWorker = { model: Uint8Array } | { error: SerialisedError };

/**
 * Makes ONNX files of heads, one at a time, in a thread of its own: decoding and joining a model takes
 * a second or more, and its memory is free again afterwards.
 */
export class OnnxExport {
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    /** The program of the thread; only tests use another one. */
    private readonly workerUrl = new URL('./export-worker.js', import.meta.url),
  ) {}

  /**
   * @returns the bytes of the ONNX file
   * @throws HeadlandError HL_EXPORT_…, HL_MODEL_…, HL_HEAD_…
   */
  make(request: ExportRequest): Promise<Uint8Array> {
    const made = this.#last.then(() => this.#run(request));
    this.#last = made.catch(() => undefined);
    return made;
  }

  #run(request: ExportRequest): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(this.workerUrl, { workerData: request, name: 'export' });
      const timer = setTimeout(() => void worker.terminate(), TIMEOUT_MS);
      let cause: unknown = null;
      worker.once('message', (answer: FromExportWorker) => {
        if ('error' in answer) reject(deserialiseError(answer.error));
        else resolve(answer.model);
      });
      worker.once('error', (error) => {
        cause = error;
      });
      worker.once('exit', (code) => {
        clearTimeout(timer);
        // Without effect after an answer.
        reject(crashed(cause === null ? `exit code ${code}` : messageOf(cause), cause));
      });
    });
  }
}

function crashed(why: string, cause: unknown): HeadlandError {
  return new HeadlandError('HL_EXPORT_CRASHED', `the thread that makes ONNX files ended: ${why}`, {
    remedy: 'Check free memory, then try again, or run `headland export FILE.onnx`.',
    cause,
  });
}
