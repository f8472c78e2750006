import type { PageStore } from './page-store.js';

const KEY = 'headland-token';

/** The robot's token, stored in the browser. The page is locked while the robot rejects it. */
export class TokenLock {
  #token: string | null = null;

  constructor(
    private readonly store: PageStore,
    private readonly storage: Storage,
  ) {}

  get token(): string | null {
    return this.#token;
  }

  /** Reads a token from the URL fragment, which browsers never send, and removes it from the address. */
  restore(location: Location, history: History): void {
    const fragment = new URLSearchParams(location.hash.slice(1));
    const linked = fragment.get('token');
    if (linked !== null) {
      this.storage.setItem(KEY, linked);
      fragment.delete('token');
      history.replaceState(null, '', fragment.size > 0 ? `#${fragment}` : location.pathname);
    }
    this.#token = this.storage.getItem(KEY);
  }

  /** Called when the robot rejects the token. */
  refused(): void {
    this.lock('Wrong token.');
  }

  /** @param problem why the last token was rejected; empty: none was entered yet */
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
