import { Refusal } from '../../../page/request/refusal.js';
import type { StreamEvent } from '../../contract/live-contract.js';
import type { RobotApi } from './robot-api.js';

/** The robot sends a status every 2 s; without any event for this long the connection counts as lost. */
const SILENCE_MS = 7_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

export interface FeedListener {
  received(event: StreamEvent): void;
  /** The connection is lost; the feed reconnects automatically. */
  lost(): void;
  /** The robot refuses the connection because too many pages are connected. */
  busy(refusal: Refusal): void;
  /** The robot does not have this task; the feed has ended. */
  unknownTask(refusal: Refusal): void;
}

/**
 * The event stream, with automatic reconnection. It ends when the robot requires another token or
 * does not have the task.
 */
export class EventFeed {
  #run: AbortController | null = null;

  constructor(
    private readonly api: RobotApi,
    private readonly listener: FeedListener,
  ) {}

  start(): void {
    this.stop();
    this.#run = new AbortController();
    void this.#listen(this.#run.signal);
  }

  stop(): void {
    this.#run?.abort();
    this.#run = null;
  }

  async #listen(run: AbortSignal): Promise<void> {
    for (let attempts = 0; !run.aborted; attempts += 1) {
      try {
        await this.#receive(run, () => {
          attempts = 0;
        });
      } catch (error) {
        if (error instanceof Refusal && error.status === 401) return;
        if (error instanceof Refusal && error.status === 503) this.listener.busy(error);
        if (error instanceof Refusal && error.code === 'HL_TASK_UNKNOWN' && !run.aborted) {
          this.listener.unknownTask(error);
          return;
        }
      }
      if (run.aborted) return;
      this.listener.lost();
      const longestMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempts);
      await pause(longestMs * (0.5 + Math.random() / 2), run);
    }
  }

  /** Reads one connection to its end. */
  async #receive(run: AbortSignal, connected: () => void): Promise<void> {
    const connection = new AbortController();
    const end = () => connection.abort();
    run.addEventListener('abort', end);
    let silence = setTimeout(end, SILENCE_MS);
    try {
      const reader = (await this.api.stream(connection.signal))?.getReader();
      if (reader === undefined) return;
      let rest = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done || run.aborted) return;
        clearTimeout(silence);
        silence = setTimeout(end, SILENCE_MS);
        const blocks = (rest + value).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const event = parse(block);
          if (event === null) continue;
          connected();
          this.#dispatch(event);
        }
      }
    } finally {
      clearTimeout(silence);
      run.removeEventListener('abort', end);
    }
  }

  /** An error of the page itself must not look like a lost connection. */
  #dispatch(event: StreamEvent): void {
    try {
      this.listener.received(event);
    } catch (error) {
      reportError(error);
    }
  }
}

function parse(block: string): StreamEvent | null {
  const type = /^event: (\w+)$/m.exec(block)?.[1];
  const data = /^data: (.*)$/m.exec(block)?.[1];
  if (data === undefined) return null;
  switch (type) {
    case 'status':
    case 'training':
    case 'decision':
      return { type, data: JSON.parse(data) };
    default:
      return null;
  }
}

/** Waits; ends early when the page becomes visible or `run` is aborted. */
function pause(durationMs: number, run: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', end);
      run.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, durationMs);
    document.addEventListener('visibilitychange', end);
    run.addEventListener('abort', end);
  });
}
