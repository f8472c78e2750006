import { INITIAL_STATE, type PageState } from './page-state.js';

/** The state of the page. Its parts are replaced, never mutated. */
export class PageStore {
  #state: Readonly<PageState> = INITIAL_STATE;
  readonly #listeners = new Set<() => void>();

  get state(): Readonly<PageState> {
    return this.#state;
  }

  /** Replaces the given parts in one step. */
  set(parts: Partial<PageState>): void {
    this.#state = { ...this.#state, ...parts };
    for (const listener of this.#listeners) listener();
  }

  /** Says that labels, samples or heads of the task may have changed. */
  changed(): void {
    this.set({ changes: this.#state.changes + 1 });
  }

  /** Calls `listener` after every change until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
