import { useLayoutEffect } from 'preact/hooks';
import type { PageParts } from '../control/page-parts.js';
import type { Link, Theme } from '../control/page-state.js';
import type { WordKey } from '../words/catalogue/catalogue.js';
import { isOfTask, statusLine } from '../words/task-words.js';
import { LanguageChoice } from './language-choice.js';
import { useSelected } from './use-selected.js';
import { useWords } from './use-words.js';

const LINK_KEYS = {
  live: 'shell.connected',
  lost: 'shell.reconnecting',
  connecting: 'shell.connecting',
} as const satisfies Record<Link, WordKey>;

export function HeaderBar({ page }: { page: PageParts }) {
  const words = useWords(page);
  const state = useSelected(page.store, (whole) => whole.status);
  const place = useSelected(page.store, (whole) => whole.place);
  const ofTask = useSelected(page.store, isOfTask);
  const locked = useSelected(page.store, (whole) => whole.lock !== null);
  const link = useSelected(page.store, (whole) => whole.link);
  const task = useSelected(page.store, (whole) => whole.task);
  const robot = state?.robot ?? null;
  const named = state?.namedTasks ? (task ?? state.task) : null;
  const parts = [words.say(`shell.${place}`), named, robot, 'headland'];
  const title = parts.filter((part) => part !== null).join(' · ');
  useLayoutEffect(() => {
    document.title = title;
  }, [title]);
  const waits = words.say(locked ? 'shell.locked' : 'shell.loading');
  return (
    <header class="bar">
      <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" />
        <path d="M7 25V14a9 9 0 0 1 18 0v11M12.5 25V14a3.5 3.5 0 0 1 7 0v11" />
      </svg>
      <div class="who">
        <h1 id="robot">{robot ?? 'headland'}</h1>
        <p id="who-line">{state !== null && ofTask ? statusLine(words, state) : waits}</p>
      </div>
      <span class="badge paused" id="paused" hidden={state?.state !== 'paused'}>
        {words.say('shell.paused')}
      </span>
      <span class="link" id="link" data-state={link} role="status" hidden={locked}>
        <i />
        <span id="link-text">{words.say(LINK_KEYS[link])}</span>
      </span>
      <LanguageChoice page={page} />
      <ThemeButton page={page} />
    </header>
  );
}

function ThemeButton({ page }: { page: PageParts }) {
  const words = useWords(page);
  const theme: Theme = useSelected(page.store, (state) => state.theme);
  const text = words.say('shell.colours', { theme: words.say(`shell.${theme}`) });
  return (
    <button
      class="quiet square"
      id="theme"
      type="button"
      aria-label={text}
      title={text}
      onClick={() => page.theme.cycle()}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <circle cx="12" cy="12" r="8" />
        <path d="M12 4a8 8 0 0 1 0 16z" />
      </svg>
    </button>
  );
}
