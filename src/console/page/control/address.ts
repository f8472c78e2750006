import { NOTHING_OF_A_TASK, PLACES, type Place } from './page-state.js';
import type { PageStore } from './page-store.js';

const PLACE = 'place';
const TASK = 'task';

/**
 * What the page shows, kept in the fragment of its address, which browsers never send: the place, the
 * task, and what a place is narrowed to. It survives a reload, differs from tab to tab, can be bookmarked,
 * and the browser's Back goes to the former place.
 */
export class Address {
  constructor(
    private readonly store: PageStore,
    private readonly location: Location,
    private readonly history: History,
  ) {}

  /** Takes everything from the address. @returns whether the task is another one */
  restore(): boolean {
    const fragment = new URLSearchParams(this.location.hash.slice(1));
    const { [PLACE]: wanted, [TASK]: task = null, ...params } = Object.fromEntries(fragment);
    const place = PLACES.find((each) => each === wanted) ?? 'live';
    this.store.set({ place, params });
    return this.#setTask(task);
  }

  /**
   * Opens a place.
   * @param params what it is narrowed to, such as the filters of Pictures
   */
  go(place: Place, params: Record<string, string> = {}): void {
    if (this.store.state.hold !== 'held') this.store.set({ hold: null });
    this.store.set({ place, params });
    this.history.pushState(null, '', this.#written());
  }

  /** Narrows the open place differently, without a step for the browser's Back. */
  narrow(params: Record<string, string>): void {
    this.store.set({ params });
    this.history.replaceState(null, '', this.#written());
  }

  /** Takes another task. @param task null: the first one @returns whether it is another one */
  choose(task: string | null): boolean {
    const isOther = this.#setTask(task);
    this.history.replaceState(null, '', this.#written());
    return isOther;
  }

  /** Link to a place, for elements that are links. */
  link(place: Place, params: Record<string, string> = {}): string {
    const { task } = this.store.state;
    const fragment = new URLSearchParams({ [PLACE]: place, ...params });
    if (task !== null) fragment.set(TASK, task);
    return `#${fragment}`;
  }

  #written(): string {
    const { place, task, params } = this.store.state;
    const isPlain = place === 'live' && task === null && Object.keys(params).length === 0;
    return isPlain ? this.location.pathname : this.link(place, params);
  }

  /** Nothing of the former task may stay where it could be pressed. */
  #setTask(task: string | null): boolean {
    const { state } = this.store;
    if (task === state.task) return false;
    state.confirmation?.answer(false);
    state.nearChoice?.answer(null);
    this.store.set({
      ...NOTHING_OF_A_TASK,
      task,
      // Without a name, only a new status tells which task it is.
      status: task === null ? null : state.status,
    });
    return true;
  }
}
