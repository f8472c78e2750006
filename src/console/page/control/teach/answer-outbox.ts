import { Refusal } from '../../../../page/request/refusal.js';
import type { PageStore } from '../page-store.js';

/** Something to be stored by the robot. */
export interface Order {
  /** Sends it; throws Refusals. It may be called again when the robot did not respond. */
  send: () => Promise<void>;
  /** The robot has refused it for good. */
  refused: (reason: Refusal) => void;
}

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 5_000;
/** Of a proxy or of a robot that is busy or restarts. */
const PASSING = new Set([0, 401, 408, 429, 502, 503, 504]);

/**
 * Sends orders in the background, in the order in which they were given, and repeats each until the robot
 * has answered it. The browser asks before it closes a page with orders that are not sent.
 */
export class AnswerOutbox {
  readonly #orders: Order[] = [];
  /** Orders that may have reached the robot. */
  readonly #tried = new WeakSet<Order>();
  #running = false;

  constructor(private readonly store: PageStore) {
    addEventListener('beforeunload', (event) => {
      if (this.#orders.length > 0) event.preventDefault();
    });
  }

  put(order: Order): void {
    this.#orders.push(order);
    this.#tell(this.store.state.unsent.stuck);
    void this.#run();
  }

  /** Takes an order back before it is sent. @returns false: it may have reached the robot */
  drop(order: Order): boolean {
    const at = this.#orders.indexOf(order);
    if (at < 0 || this.#tried.has(order)) return false;
    this.#orders.splice(at, 1);
    this.#tell(this.store.state.unsent.stuck);
    return true;
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      for (let order = this.#orders[0]; order !== undefined; order = this.#orders[0]) {
        await this.#deliver(order);
        this.#orders.shift();
        this.#tell(false);
      }
    } finally {
      this.#running = false;
    }
  }

  async #deliver(order: Order): Promise<void> {
    for (let attempts = 0; ; attempts += 1) {
      await this.#unlocked();
      this.#tried.add(order);
      try {
        await order.send();
        return;
      } catch (error) {
        if (!(error instanceof Refusal)) {
          reportError(error);
          return;
        }
        if (!PASSING.has(error.status)) {
          order.refused(error);
          return;
        }
      }
      this.#tell(true);
      await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempts));
    }
  }

  /** Resolves when the page has a session. */
  #unlocked(): Promise<void> {
    return new Promise((resolve) => {
      if (this.store.state.lock === null) {
        resolve();
        return;
      }
      const end = this.store.subscribe(() => {
        if (this.store.state.lock !== null) return;
        end();
        resolve();
      });
    });
  }

  #tell(stuck: boolean): void {
    this.store.set({ unsent: { count: this.#orders.length, stuck } });
  }
}

/** Waits; ends early when the browser is online again. */
function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener('online', end);
      resolve();
    };
    const timer = setTimeout(end, durationMs);
    addEventListener('online', end);
  });
}
