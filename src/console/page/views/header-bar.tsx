import { useLayoutEffect } from 'preact/hooks';
import { BrandMark } from '../../../page/views/brand-mark.js';
import { LanguageChoice } from '../../../page/views/language-choice.js';
import { LinkLight } from '../../../page/views/link-light.js';
import { ThemeButton } from '../../../page/views/theme-button.js';
import { useSelected } from '../../../page/views/use-selected.js';
import { useWords } from '../../../page/views/use-words.js';
import type { PageParts } from '../control/page-parts.js';
import { isOfTask, statusLine } from '../words/task-words.js';

export function HeaderBar({ page }: { page: PageParts }) {
  const words = useWords(page);
  const state = useSelected(page.store, (whole) => whole.status);
  const place = useSelected(page.store, (whole) => whole.place);
  const ofTask = useSelected(page.store, isOfTask);
  const locked = useSelected(page.store, (whole) => whole.lock !== null);
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
      <BrandMark />
      <div class="who">
        <h1 id="robot">{robot ?? 'headland'}</h1>
        <p id="who-line">{state !== null && ofTask ? statusLine(words, state) : waits}</p>
      </div>
      <span class="badge paused" id="paused" hidden={state?.state !== 'paused'}>
        {words.say('shell.paused')}
      </span>
      <LinkLight page={page} />
      <LanguageChoice page={page} />
      <ThemeButton page={page} />
    </header>
  );
}
