import { useLayoutEffect, useRef } from 'preact/hooks';
import { useSelected } from '../../../../page/views/use-selected.js';
import { useWords } from '../../../../page/views/use-words.js';
import type { PageParts } from '../../control/page-parts.js';

/** "Did you mean Apple?", before a slip of the keyboard becomes a class of its own. */
export function NearDialog({ page }: { page: PageParts }) {
  const words = useWords(page);
  const choice = useSelected(page.store, (state) => state.nearChoice);
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (choice === null) dialog.current?.close();
    else dialog.current?.showModal();
  }, [choice]);
  const typed = choice?.typed ?? '';
  const alike = choice?.alike ?? null;
  const offered = choice === null ? [] : [...(alike === null ? [] : [alike]), ...choice.near];
  const [first = ''] = offered;
  return (
    <dialog
      id="near"
      class="near"
      ref={dialog}
      aria-labelledby="near-title"
      // Escape closes the dialog: the person changes the text.
      onClose={() => choice?.answer(null)}
    >
      <h2 id="near-title">{words.say('teach.didYouMean', { label: first })}</h2>
      <p>
        {alike === null
          ? words.say('teach.nearNote', { typed })
          : words.say('teach.alikeNote', { typed, label: alike })}
      </p>
      <div class="near-choices">
        {offered.map((label, index) => (
          <button
            key={label}
            type="button"
            class={index === 0 ? 'primary' : ''}
            autofocus={index === 0}
            onClick={() => choice?.answer(label)}
          >
            {index === 0 ? words.say('teach.yesLabel', { label }) : label}
          </button>
        ))}
        {alike === null && choice !== null && (
          <button type="button" id="near-new" onClick={() => choice.answer(typed)}>
            {words.say('teach.noNewClass', { typed })}
          </button>
        )}
        <button type="button" class="quiet" onClick={() => choice?.answer(null)}>
          {words.say('teach.changeText')}
        </button>
      </div>
    </dialog>
  );
}
