import { useLayoutEffect } from 'preact/hooks';
import type { PageParts } from '../control/page-parts.js';
import type { Link, PageState } from '../control/page-state.js';
import { isOfTask, statusLine } from '../words/task-words.js';
import { useSelected } from './use-selected.js';

const LINK_WORDS: Readonly<Record<Link, string>> = {
  live: 'Live',
  lost: 'Reconnecting',
  connecting: 'Connecting',
};

export function HeaderBar({ page }: { page: PageParts }) {
  const status = useSelected(page.store, (state) => state.status);
  const line = useSelected(page.store, whoLine);
  const locked = useSelected(page.store, (state) => state.lock !== null);
  const link = useSelected(page.store, (state) => state.link);
  const task = useSelected(page.store, (state) => state.task);
  const robot = status?.robot ?? null;
  const named = status?.namedTasks ? (task ?? status.task) : null;
  const title = [named, robot, 'headland'].filter((part) => part !== null).join(' · ');
  useLayoutEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <header class="bar">
      <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" />
        <path d="M7 25V14a9 9 0 0 1 18 0v11M12.5 25V14a3.5 3.5 0 0 1 7 0v11" />
      </svg>
      <div class="who">
        <h1 id="robot">{robot ?? 'headland'}</h1>
        <p id="who-line">{line}</p>
      </div>
      <span class="badge paused" id="paused" hidden={status?.state !== 'paused'}>
        Paused
      </span>
      <span class="link" id="link" data-state={link} role="status" hidden={locked}>
        <i />
        <span id="link-text">{LINK_WORDS[link]}</span>
      </span>
      <ThemeButton page={page} />
    </header>
  );
}

/** One line about the task. */
function whoLine(state: PageState): string {
  const { status, task, lock } = state;
  if (status === null) return lock === null ? 'Connecting…' : 'Locked';
  return isOfTask(state) ? statusLine(status) : `${task} · loading…`;
}

function ThemeButton({ page }: { page: PageParts }) {
  const theme = useSelected(page.store, (state) => state.theme);
  const words = `Colours: ${theme}`;
  return (
    <button
      class="quiet square"
      id="theme"
      type="button"
      aria-label={words}
      title={words}
      onClick={() => page.theme.cycle()}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <circle cx="12" cy="12" r="8" />
        <path d="M12 4a8 8 0 0 1 0 16z" />
      </svg>
    </button>
  );
}
