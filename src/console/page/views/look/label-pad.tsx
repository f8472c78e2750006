import type { RefObject } from 'preact';
import { useState } from 'preact/hooks';
import { useSelected } from '../../../../page/views/use-selected.js';
import { useWords } from '../../../../page/views/use-words.js';
import type { ConsoleStatus } from '../../../contract/live-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import { knownLabels } from '../../words/head-words.js';
import { KeyCap } from '../parts/key-cap.js';

/** With more classes, a field narrows the buttons. */
export const MANY_CLASSES = 9;

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
  const words = useWords(page);
  const kind = useSelected(store, (state) => state.view.kind);
  const confirmed = useSelected(store, (state) => state.confirmed);
  const off = useSelected(store, (state) => state.shown?.kind !== state.view.kind);
  const [typed, setTyped] = useState('');
  const labels = knownLabels(status);
  return (
    <div class="pad" id="pad" tabindex={-1}>
      <div class="pad-title">
        <h3 id="pad-title">
          {words.say(kind === 'correction' ? 'live.whatReally' : 'live.whatIsIt')}
        </h3>
        <p class="hint" id="pad-hint">
          {words.say(kind === 'correction' ? 'live.pressToReplace' : 'live.pressToLabel')}
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
            hidden={labels.length > MANY_CLASSES && !matches(label, typed)}
            onPointerDown={() => labelling.press()}
            onClick={() => void labelling.submit(label)}
          >
            <span>{label}</span>
            {index < MANY_CLASSES && <KeyCap name={String(index + 1)} />}
          </button>
        ))}
      </div>
      {/* A text typed for one task must not become a label of another. */}
      <NewLabel
        key={status.task}
        page={page}
        labels={labels}
        off={off}
        field={field}
        typed={typed}
        setTyped={setTyped}
      />
      <p class="keys">{words.say('live.keys')}</p>
    </div>
  );
}

export function matches(label: string, typed: string): boolean {
  return label.toLocaleLowerCase().includes(typed.trim().toLocaleLowerCase());
}

function NewLabel({
  page,
  labels,
  off,
  field,
  typed,
  setTyped,
}: {
  page: PageParts;
  labels: readonly string[];
  off: boolean;
  field: RefObject<HTMLInputElement | null>;
  typed: string;
  setTyped: (text: string) => void;
}) {
  const { store, viewfinder, labelling, classNames } = page;
  const words = useWords(page);
  const submit = async (input: HTMLInputElement) => {
    viewfinder.freeze('typing');
    const label = await classNames.meant(input.value, labels);
    if (label === null || !(await labelling.submit(label))) {
      input.focus();
      return;
    }
    setTyped('');
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
        {words.say('live.newLabel')}
      </label>
      <input
        id="new-label-text"
        ref={field}
        placeholder={words.say(labels.length === 0 ? 'live.firstLabelHint' : 'live.somethingElse')}
        maxlength={64}
        autocomplete="off"
        autocapitalize="none"
        enterkeyhint="done"
        disabled={off}
        value={typed}
        onInput={({ currentTarget: { value } }) => setTyped(value)}
        onFocus={() => viewfinder.freeze('typing')}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.preventDefault();
          setTyped('');
          event.currentTarget.value = '';
          event.currentTarget.blur();
        }}
        onBlur={({ currentTarget }) => {
          if (store.state.hold === 'typing' && currentTarget.value.trim() === '') {
            viewfinder.setHold(null);
          }
        }}
      />
      <button type="submit" disabled={off}>
        {words.say('live.addLabel')}
      </button>
    </form>
  );
}
