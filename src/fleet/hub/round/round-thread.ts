import { Worker } from 'node:worker_threads';
import { deserialiseError } from '../../../base/errors.js';
import type { RoundCall, RoundCalls, RoundReply } from './round-protocol.js';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** The thread with the heavy mathematics; it starts with the first call, and again after it failed. */
export class RoundThread {
  #worker: Worker | null = null;
  #waiting = new Map<number, Waiting>();
  #next = 0;

  /** @throws what the work throws; Error when the thread ends meanwhile */
  async call<Call extends RoundCall>(
    call: Call,
    value: RoundCalls[Call][0],
  ): Promise<RoundCalls[Call][1]> {
    const worker = this.#running();
    const id = this.#next++;
    const answer = await new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, call, value });
    });
    return answer as RoundCalls[Call][1];
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #running(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(new URL('./round-worker.js', import.meta.url), { name: 'fleet' });
    worker.unref();
    worker.on('message', (reply: RoundReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ('error' in reply) waiting?.reject(deserialiseError(reply.error));
      else waiting?.resolve(reply.value);
    });
    const ended = (error: Error): void => {
      if (this.#worker === worker) this.#worker = null;
      const waiting = [...this.#waiting.values()];
      this.#waiting = new Map();
      for (const { reject } of waiting) reject(error);
    };
    worker.on('error', ended);
    worker.on('exit', (code) => ended(new Error(`the thread of rounds ended with ${code}`)));
    this.#worker = worker;
    return worker;
  }
}
