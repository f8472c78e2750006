import { type FrameState, THEMES, type Theme } from './frame-state.js';
import type { Store } from './state-store.js';

const KEY = 'headland-theme';

/** The colour theme: light, dark or that of the device; stored in the browser. */
export class ColourTheme {
  constructor(
    private readonly store: Store<FrameState>,
    private readonly storage: Storage,
  ) {}

  restore(): void {
    const stored = this.storage.getItem(KEY);
    this.#set(THEMES.find((theme) => theme === stored) ?? 'automatic');
  }

  /** Switches to the next of the three themes. */
  cycle(): void {
    const next = THEMES[(THEMES.indexOf(this.store.state.theme) + 1) % THEMES.length];
    this.#set(next ?? 'automatic');
  }

  #set(theme: Theme): void {
    if (theme === 'automatic') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    this.storage.setItem(KEY, theme);
    this.store.set({ theme });
  }
}
