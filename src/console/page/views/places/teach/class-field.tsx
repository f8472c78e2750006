import type { RefObject } from 'preact';
import { useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { PageParts } from '../../../control/page-parts.js';
import { MANY_CLASSES } from '../../look/label-pad.js';
import { KeyCap } from '../../parts/key-cap.js';

/** The field for a new class, which also narrows many classes to those that match. */
export function ClassField({
  page,
  labels,
  field,
  typed,
  setTyped,
  off,
  choose,
}: {
  page: PageParts;
  labels: readonly string[];
  field: RefObject<HTMLInputElement | null>;
  typed: string;
  setTyped: (text: string) => void;
  off: boolean;
  choose: (label: string) => void;
}) {
  const words = useWords(page);
  const [asking, setAsking] = useState(false);
  const text = typed.trim();
  const first = firstMatch(labels, text);
  const add = async () => {
    if (text === '' || asking) return;
    setAsking(true);
    const open = page.questions.current?.id;
    const label = await page.classNames.meant(text, labels);
    setAsking(false);
    if (label === null) field.current?.focus();
    else if (open === page.questions.current?.id) choose(label);
  };
  const many = labels.length > MANY_CLASSES;
  const hint = labels.length === 0 ? 'live.firstLabelHint' : 'live.somethingElse';
  return (
    <form
      class="class-field"
      onSubmit={(event) => {
        event.preventDefault();
        if (first === null) void add();
        else choose(first);
      }}
    >
      <label class="away" for="class-field">
        {words.say(many ? 'teach.findOrAdd' : 'live.newLabel')}
      </label>
      <input
        id="class-field"
        ref={field}
        placeholder={words.say(many ? 'teach.findOrAdd' : hint)}
        maxlength={64}
        autocomplete="off"
        autocapitalize="none"
        enterkeyhint="done"
        disabled={off}
        value={typed}
        onInput={({ currentTarget: { value } }) => setTyped(value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.preventDefault();
          setTyped('');
          event.currentTarget.blur();
        }}
      />
      {first !== null && (
        <button type="submit" class="primary" disabled={off}>
          <span>{first}</span>
          <KeyCap name="↵" />
        </button>
      )}
      {text !== '' && !labels.includes(text) && (
        <button
          type={first === null ? 'submit' : 'button'}
          id="add-class"
          class={first === null ? 'primary' : ''}
          disabled={off || asking}
          onClick={first === null ? undefined : () => void add()}
        >
          <span>{words.say('teach.addClass', { typed: text })}</span>
          {first === null && <KeyCap name="↵" />}
        </button>
      )}
    </form>
  );
}

/** The class that Enter chooses; null: Enter adds a new one. Of few classes, only what is typed whole. */
function firstMatch(labels: readonly string[], text: string): string | null {
  if (text === '') return null;
  if (labels.includes(text)) return text;
  if (labels.length <= MANY_CLASSES) return null;
  const wanted = text.toLocaleLowerCase();
  return labels.find((label) => label.toLocaleLowerCase().startsWith(wanted)) ?? null;
}
