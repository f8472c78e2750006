import { useLayoutEffect, useRef } from 'preact/hooks';
import type { FrameParts } from './frame-parts.js';
import { useSelected } from './use-selected.js';
import { useWords } from './use-words.js';

export function ConfirmDialog({ page }: { page: FrameParts }) {
  const words = useWords(page);
  const confirmation = useSelected(page.store, (state) => state.confirmation);
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (dialog.current === null) return;
    if (confirmation === null) {
      dialog.current.close();
      return;
    }
    // Escape closes the dialog without setting a return value.
    dialog.current.returnValue = '';
    dialog.current.showModal();
  }, [confirmation]);
  return (
    <dialog
      id="confirm"
      ref={dialog}
      aria-labelledby="confirm-title"
      onClose={() => confirmation?.answer(dialog.current?.returnValue === 'yes')}
    >
      <h2 id="confirm-title">{confirmation?.title}</h2>
      <p id="confirm-text">{confirmation?.message}</p>
      <div class="row end">
        <button id="confirm-no" type="button" onClick={() => dialog.current?.close('no')}>
          {words.say('shell.cancel')}
        </button>
        <button
          class="primary"
          id="confirm-yes"
          type="button"
          onClick={() => dialog.current?.close('yes')}
        >
          {confirmation?.yes}
        </button>
      </div>
    </dialog>
  );
}
