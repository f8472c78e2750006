import { NOTHING_OF_A_TASK } from './page-state.js';
import type { PageStore } from './page-store.js';

const PARAMETER = 'task';

/**
 * The task that the page shows, kept in the fragment of its address: it survives a reload, differs
 * from tab to tab, and can be bookmarked.
 */
export class TaskChoice {
  constructor(
    private readonly store: PageStore,
    private readonly location: Location,
    private readonly history: History,
  ) {}

  /** Takes the task from the address. @returns whether it is another one */
  restore(): boolean {
    return this.#set(new URLSearchParams(this.location.hash.slice(1)).get(PARAMETER));
  }

  /** Takes another task. @param task null: the first one @returns whether it is another one */
  choose(task: string | null): boolean {
    const fragment = task === null ? '' : `#${new URLSearchParams({ [PARAMETER]: task })}`;
    this.history.replaceState(null, '', this.location.pathname + fragment);
    return this.#set(task);
  }

  /** Nothing of the former task may stay where it could be pressed. */
  #set(task: string | null): boolean {
    const { state } = this.store;
    if (task === state.task) return false;
    state.confirmation?.answer(false);
    this.store.set({
      task,
      // Without a name, only a new status tells which task it is.
      status: task === null ? null : state.status,
      ...NOTHING_OF_A_TASK,
    });
    return true;
  }
}
