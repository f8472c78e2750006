import type { Link } from '../state/frame-state.js';
import type { FrameKey } from '../words/frame/frame.js';
import type { FrameParts } from './frame-parts.js';
import { useSelected } from './use-selected.js';
import { useWords } from './use-words.js';

const LINK_KEYS = {
  live: 'shell.connected',
  lost: 'shell.reconnecting',
  connecting: 'shell.connecting',
} as const satisfies Record<Link, FrameKey>;

/** Whether the page is connected, in a colour, a shape and words. */
export function LinkLight({ page }: { page: FrameParts }) {
  const words = useWords(page);
  const locked = useSelected(page.store, (state) => state.lock !== null);
  const link = useSelected(page.store, (state) => state.link);
  return (
    <span class="link" id="link" data-state={link} role="status" hidden={locked}>
      <i />
      <span id="link-text">{words.say(LINK_KEYS[link])}</span>
    </span>
  );
}
