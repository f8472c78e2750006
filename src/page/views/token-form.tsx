import { useLayoutEffect, useRef } from 'preact/hooks';
import type { FrameParts } from './frame-parts.js';
import { useSelected } from './use-selected.js';
import { useWords } from './use-words.js';

/** Asks for the token while the page is locked. */
export function TokenForm({
  page,
  title,
  help,
  open,
}: {
  page: FrameParts;
  title: string;
  help: string;
  open: (token: string) => Promise<void>;
}) {
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
        void open(field.current?.value.trim() ?? '');
      }}
    >
      <h2>{title}</h2>
      <p>{help}</p>
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
