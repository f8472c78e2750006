import { Refusal } from '../../../page/request/refusal.js';
import type { RobotApi } from '../robot/robot-api.js';
import type { Words } from '../words/words.js';
import type { PageStore } from './page-store.js';

/** Where versions before 0.2 kept the token. */
const OLD_KEY = 'headland-token';

/**
 * Opens the page for this browser: exchanges a link's token, or one that a person enters, for a session
 * cookie that no script can read. The page is locked while the robot asks for one.
 */
export class Access {
  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
    private readonly words: Words,
    private readonly storage: Storage,
  ) {}

  /**
   * Takes a token from the fragment of the address, which browsers never send, and removes it there.
   * Resolves when the page may be read or is locked.
   */
  async restore(location: Location, history: History): Promise<void> {
    const fragment = new URLSearchParams(location.hash.slice(1));
    const pairing = fragment.get('pair');
    const token = fragment.get('token') ?? this.storage.getItem(OLD_KEY);
    fragment.delete('pair');
    fragment.delete('token');
    this.storage.removeItem(OLD_KEY);
    if (pairing === null && token === null) return;
    history.replaceState(null, '', fragment.size > 0 ? `#${fragment}` : location.pathname);
    await this.#exchange(pairing === null ? { token: token ?? '' } : { pairing });
  }

  /** @returns whether the robot has accepted the token */
  enter(token: string): Promise<boolean> {
    return this.#exchange({ token });
  }

  /** The robot asks for a session that this browser does not have, or has no longer. */
  lock(problem: string): void {
    this.store.set({ lock: { problem }, status: null, link: 'connecting' });
  }

  async #exchange(body: { token: string } | { pairing: string }): Promise<boolean> {
    try {
      await this.api.call('POST /api/session', { body }, null);
      this.store.set({ lock: null });
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const isWrong = error.status === 401 && 'token' in body;
      this.lock(isWrong ? this.words.say('shell.wrongToken') : error.message);
      return false;
    }
  }
}
