/** The state of a page. Its parts are replaced, never mutated. */
export class Store<State extends object> {
  #state: Readonly<State>;
  readonly #listeners = new Set<() => void>();

  constructor(initial: Readonly<State>) {
    this.#state = initial;
  }

  get state(): Readonly<State> {
    return this.#state;
  }

  /** Replaces the given parts in one step. */
  set(parts: Partial<State>): void {
    this.#state = { ...this.#state, ...parts };
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after every change until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
