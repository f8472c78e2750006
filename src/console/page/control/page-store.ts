import { Store } from '../../../page/state/state-store.js';
import { INITIAL_STATE, type PageState } from './page-state.js';

export class PageStore extends Store<PageState> {
  constructor() {
    super(INITIAL_STATE);
  }

  /** Says that labels, samples or heads of the task may have changed. */
  changed(): void {
    this.set({ changes: this.state.changes + 1 });
  }
}
