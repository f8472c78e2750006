import type { PageStore } from './page-store.js';

const KEY = 'headland-token';

/** The token of the robot, kept by the browser; without the right one the page is locked. */
export class TokenLock {
  #token: string | null = null;

  constructor(
    private readonly store: PageStore,
    private readonly storage: Storage,
  ) {}

  get token(): string | null {
    return this.#token;
  }

  /** A link may carry the token behind the #, which browsers never send; it is taken out at once. */
  restore(location: Location, history: History): void {
    const linked = new URLSearchParams(location.hash.slice(1)).get('token');
    if (linked !== null) {
      this.storage.setItem(KEY, linked);
      history.replaceState(null, '', location.pathname);
    }
    this.#token = this.storage.getItem(KEY);
  }

  /** The robot does not take the token. */
  refused(): void {
    this.lock('That token is not right.');
  }

  /** @param problem what was wrong with the last token; empty: none was given yet */
  lock(problem: string): void {
    this.#token = null;
    this.storage.removeItem(KEY);
    this.store.set({ lock: { problem }, status: null, link: 'connecting' });
  }

  unlock(token: string): void {
    this.#token = token;
    this.storage.setItem(KEY, token);
    this.store.set({ lock: null });
  }
}
