import type { Log } from '../../../base/log.js';
import type { LeaderSeat } from '../store/sql/sql.js';

/** Whether this hub leads, and since which term. */
export class Leadership {
  #term: number | null = null;

  constructor(
    private readonly seat: LeaderSeat,
    private readonly replica: string,
    private readonly log: Log,
    private readonly onGained: () => void,
  ) {}

  /** null: another hub leads. */
  get term(): number | null {
    return this.#term;
  }

  /** Takes the seat when it is free, and stays on it: to be called each second. */
  async renew(): Promise<void> {
    const before = this.#term;
    try {
      this.#term = await this.seat.hold(this.replica);
    } catch (error) {
      this.#term = null;
      throw error;
    } finally {
      if (before !== this.#term) {
        this.log.info({ replica: this.replica, term: this.#term }, 'leading has changed');
      }
    }
    if (this.#term !== null && this.#term !== before) this.onGained();
  }

  /** Another hub has the seat. */
  lost(): void {
    this.#term = null;
  }

  async leave(): Promise<void> {
    this.#term = null;
    await this.seat.leave();
  }
}
