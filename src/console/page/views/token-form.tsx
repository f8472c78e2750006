import { useLayoutEffect, useRef } from 'preact/hooks';
import type { PageParts } from '../control/page-parts.js';
import { useSelected } from './use-selected.js';
import { useWords } from './use-words.js';

/** Asks for the token while the page is locked. */
export function TokenForm({ page }: { page: PageParts }) {
  const words = useWords(page);
  const lock = useSelected(page.store, (state) => state.lock);
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (lock !== null) field.current?.focus();
  }, [lock]);
  return (
    <form
      class="gate"
      id="gate"
      hidden={lock === null}
      onSubmit={(event) => {
        event.preventDefault();
        void page.session.open(field.current?.value.trim() ?? '');
      }}
    >
      <h2>{words.say('shell.gateTitle')}</h2>
      <p>{words.say('shell.gateHelp')}</p>
      <label for="token">{words.say('shell.token')}</label>
      <input type="text" autocomplete="username" value="headland" hidden />
      <div class="row">
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="current-password"
          autocapitalize="none"
          spellcheck={false}
          required
        />
        <button class="primary" type="submit">
          {words.say('shell.open')}
        </button>
      </div>
      <p class="problem" id="gate-problem" role="alert">
        {lock?.problem}
      </p>
    </form>
  );
}
