import { useLayoutEffect, useRef } from 'preact/hooks';
import type { PageParts } from '../control/page-parts.js';
import { useSelected } from './use-selected.js';

export function TokenForm({ page }: { page: PageParts }) {
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
        page.session.open(field.current?.value.trim() ?? '');
      }}
    >
      <h2>This robot requires a token</h2>
      <p>
        The token is in the file or credential set by <code>console.token</code>.
      </p>
      <label for="token">Token</label>
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
          Open
        </button>
      </div>
      <p class="problem" id="gate-problem" role="alert">
        {lock?.problem}
      </p>
    </form>
  );
}
