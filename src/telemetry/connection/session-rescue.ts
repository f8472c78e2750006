/** So many connections in a row that are closed at the subscription give the session up. */
const CLOSED_LIMIT = 3;
/** Time until a subscription without a queue is replaced by one with a queue. */
const ASK_AGAIN_MS = 600_000;

/**
 * How a connection begins. `usual`: as the settings say; `fresh`: the session that the broker keeps is
 * given up, and a new one begins; `queueless`: the commands are subscribed to with QoS 0 in a session
 * that ends with the connection, so that the broker needs no durable queue.
 */
export type SessionStart = 'usual' | 'fresh' | 'queueless';

/**
 * Gets a robot back in that a broker accepts, and whose connection it closes at each subscription to
 * commands. A cluster does so when it cannot reach the node that holds the session or the queue of the
 * robot: RabbitMQ 3.10 names the queue by the client id, also for a session that does not last.
 */
export class SessionRescue {
  #start: SessionStart = 'usual';
  #closed = 0;
  #isTold = false;
  #queuelessUntilMs = Number.POSITIVE_INFINITY;

  /** @param nowMs a monotonic clock, milliseconds */
  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** Of the connection that is made now. */
  begin(): SessionStart {
    // The node may be back. If it is not, the first refusal shows it.
    if (this.#start === 'queueless' && this.nowMs() >= this.#queuelessUntilMs) {
      this.#start = 'usual';
      this.#closed = CLOSED_LIMIT - 1;
    }
    return this.#start;
  }

  /**
   * The broker closed an accepted connection instead of answering the subscription.
   * @param mayKeep the settings ask this broker for a session that lasts
   */
  closedAtSubscription(mayKeep: boolean): void {
    this.#closed += 1;
    if (this.#start === 'usual') {
      if (this.#closed < CLOSED_LIMIT) return;
      this.#start = mayKeep ? 'fresh' : 'queueless';
    } else if (this.#start === 'fresh') {
      this.#start = 'queueless';
    } else {
      // Nothing helps. The settings are tried again.
      this.#start = 'usual';
      this.#closed = 0;
    }
    this.#queuelessUntilMs = Number.POSITIVE_INFINITY;
  }

  /**
   * The broker answered the subscription.
   * @returns how the robot got in, when that is news; null: nothing to tell
   */
  subscribed(): Exclude<SessionStart, 'usual'> | null {
    const start = this.#start;
    this.#closed = 0;
    if (start === 'queueless') {
      this.#queuelessUntilMs = this.nowMs() + ASK_AGAIN_MS;
      if (this.#isTold) return null;
      this.#isTold = true;
      return start;
    }
    this.#start = 'usual';
    this.#isTold = false;
    return start === 'fresh' ? start : null;
  }
}
