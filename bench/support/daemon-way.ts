import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Contender, Times } from './contenders.js';
import type { DaemonAnswer, DaemonTurn, DaemonWork } from './daemon-process.js';

const SCRIPT = fileURLToPath(new URL('./daemon-process.js', import.meta.url));

/** The daemon's own way of a frame, in a process of its own as every peer has one. */
export class DaemonWay {
  private constructor(private readonly child: ChildProcess) {}

  static async start(work: DaemonWork): Promise<DaemonWay> {
    const way = new DaemonWay(fork(SCRIPT));
    await way.#ask(work);
    return way;
  }

  /** One frame after the other, from its file to its decision. */
  oneByOne(name: string): Contender {
    return this.#contender(name, false);
  }

  /** As with cameras that always have a next frame: milliseconds from decision to decision. */
  overlapped(name: string): Contender {
    return this.#contender(name, true);
  }

  #contender(name: string, overlapped: boolean): Contender {
    return {
      name,
      run: async (frames) => (await this.#ask({ frames, overlapped })) as Times,
      close: async () => {
        if (this.child.connected) this.child.disconnect();
      },
    };
  }

  async #ask(message: DaemonWork | DaemonTurn): Promise<DaemonAnswer> {
    const ended = new AbortController();
    const failed = once(this.child, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`the process of the daemon's way ended with code ${code}`);
    });
    this.child.send(message as object);
    try {
      const [answer] = await Promise.race([
        once(this.child, 'message', { signal: ended.signal }),
        failed,
      ]);
      return answer as DaemonAnswer;
    } finally {
      ended.abort();
      failed.catch(() => {});
    }
  }
}
