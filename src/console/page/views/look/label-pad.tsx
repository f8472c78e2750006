import type { RefObject } from 'preact';
import type { ConsoleStatus } from '../../../contract/live-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import type { View } from '../../control/page-state.js';
import { knownLabels } from '../../words/head-words.js';
import { useSelected } from '../use-selected.js';

const HINTS: Readonly<Record<View['kind'], string>> = {
  live: 'Press a label to label exactly the picture you see.',
  question: 'The robot was unsure about this picture.',
  correction: 'Press a label to replace the label of this picture.',
};

/** Buttons for labels, disabled while the picture on the screen does not belong to the view. */
export function LabelPad({
  page,
  status,
  field,
}: {
  page: PageParts;
  status: ConsoleStatus;
  field: RefObject<HTMLInputElement | null>;
}) {
  const { store, labelling } = page;
  const view = useSelected(store, (state) => state.view);
  const confirmed = useSelected(store, (state) => state.confirmed);
  const off = useSelected(store, (state) => state.shown?.kind !== state.view.kind);
  const labels = knownLabels(status);
  return (
    <div class="pad" id="pad" tabindex={-1}>
      <div class="pad-title">
        <h2 id="pad-title">{view.kind === 'correction' ? 'What is it really?' : 'What is it?'}</h2>
        <p class="hint" id="pad-hint">
          {HINTS[view.kind]}
        </p>
      </div>
      <div class="labels" id="labels">
        {labels.map((label, index) => (
          <button
            key={label}
            class={confirmed.includes(label) ? 'done' : ''}
            type="button"
            data-label={label}
            disabled={off}
            onPointerDown={() => labelling.press()}
            onClick={() => void labelling.submit(label)}
          >
            <span>{label}</span>
            {index < 9 && (
              // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a kbd cannot be focused
              <kbd aria-hidden="true">{index + 1}</kbd>
            )}
          </button>
        ))}
      </div>
      {/* A text typed for one task must not become a label of another. */}
      <NewLabel key={status.task} page={page} labels={labels} off={off} field={field} />
      <p class="keys">
        Keys: <kbd>1</kbd>–<kbd>9</kbd> label, <kbd>Space</kbd> hold, <kbd>N</kbd> new label,{' '}
        <kbd>Q</kbd> next question, <kbd>Esc</kbd> live
      </p>
    </div>
  );
}

function NewLabel({
  page,
  labels,
  off,
  field,
}: {
  page: PageParts;
  labels: readonly string[];
  off: boolean;
  field: RefObject<HTMLInputElement | null>;
}) {
  const { store, viewfinder, labelling } = page;
  const submit = async (input: HTMLInputElement) => {
    if (!(await labelling.submit(input.value.trim()))) return;
    input.value = '';
    input.blur();
  };
  return (
    <form
      class="row"
      id="new-label"
      onSubmit={(event) => {
        event.preventDefault();
        if (field.current !== null) void submit(field.current);
      }}
    >
      <label class="away" for="new-label-text">
        New label
      </label>
      <input
        id="new-label-text"
        ref={field}
        placeholder={
          labels.length === 0 ? 'Type what you see, for example maize' : 'Something else…'
        }
        maxlength={64}
        autocomplete="off"
        autocapitalize="none"
        enterkeyhint="done"
        list="known-labels"
        disabled={off}
        onFocus={() => viewfinder.freeze('typing')}
        onBlur={({ currentTarget }) => {
          if (store.state.hold === 'typing' && currentTarget.value.trim() === '') {
            viewfinder.setHold(null);
          }
        }}
      />
      <datalist id="known-labels">
        {labels.map((label) => (
          <option key={label} value={label} />
        ))}
      </datalist>
      <button type="submit" disabled={off}>
        Add label
      </button>
    </form>
  );
}
