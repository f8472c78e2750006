import { useEffect, useState } from 'preact/hooks';
import { Refusal } from '../../../../../page/request/refusal.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { AnswerOf } from '../../../../contract/contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { takesText } from '../../use-shortcuts.js';

const MAX_LABEL_CHARACTERS = 64;
const TYPED_MS = 200;

type Near = AnswerOf<'GET /api/teach/near'>;

/** A class by its button, by its number, or by typing: a new name that resembles a class is asked about. */
export function LabelChooser({
  page,
  labels,
  current,
  keys,
  choose,
}: {
  page: PageParts;
  labels: readonly string[];
  /** The label that the samples have; null: none, or several. */
  current: string | null;
  /** Whether the keys 1 to 9 choose the first nine classes. */
  keys: boolean;
  choose: (label: string) => void;
}) {
  const words = useWords(page);
  const [text, setText] = useState('');
  const typed = text.trim();
  const near = useNear(page, labels.includes(typed) ? '' : typed);
  const shown = labels.filter((label) => label.toLowerCase().includes(typed.toLowerCase()));
  const take = (label: string) => {
    setText('');
    choose(label);
  };
  useNumberKeys(keys, labels, take);
  const meant = near === null ? [] : [...new Set([near.alike ?? [], near.near].flat())];
  const isNew = typed !== '' && !labels.includes(typed) && near?.alike == null;
  return (
    <div class="chooser">
      <ul class="labels" aria-label={words.say('pictures.classes')}>
        {shown.map((label) => {
          const number = labels.indexOf(label) + 1;
          return (
            <li key={label}>
              <button
                type="button"
                data-label={label}
                aria-pressed={label === current}
                onClick={() => take(label)}
              >
                {keys && number < 10 && (
                  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a kbd cannot be focused
                  <kbd aria-hidden="true">{number}</kbd>
                )}
                <span>{label}</span>
              </button>
            </li>
          );
        })}
      </ul>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed !== '' && (labels.includes(typed) || meant.length === 0)) take(typed);
        }}
      >
        <input
          aria-label={words.say('pictures.newClass')}
          placeholder={words.say('pictures.newClass')}
          value={text}
          maxlength={MAX_LABEL_CHARACTERS}
          autocomplete="off"
          autocapitalize="none"
          enterkeyhint="done"
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        {isNew && meant.length === 0 && (
          <button type="submit">{words.say('pictures.addClass')}</button>
        )}
      </form>
      {meant.length > 0 && (
        <div class="meant" role="status">
          <span>{words.say('pictures.didYouMean')}</span>
          {meant.map((label) => (
            <button key={label} type="button" class="primary" onClick={() => take(label)}>
              {label}
            </button>
          ))}
          {isNew && (
            <button type="button" onClick={() => take(typed)}>
              {words.say('pictures.noNew', { label: typed })}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

/** Classes that a new name may mean. @param typed empty: nothing is asked */
function useNear(page: PageParts, typed: string): Near | null {
  const [near, setNear] = useState<Near | null>(null);
  useEffect(() => {
    setNear(null);
    if (typed === '') return;
    let gone = false;
    const timer = setTimeout(async () => {
      try {
        const answer = await page.api.call('GET /api/teach/near', { query: { label: typed } });
        if (!gone) setNear(answer);
      } catch (error) {
        // Without the question, the robot still refuses what looks like a class.
        if (!(error instanceof Refusal)) throw error;
      }
    }, TYPED_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [page, typed]);
  return near;
}

function useNumberKeys(
  active: boolean,
  labels: readonly string[],
  take: (label: string) => void,
): void {
  useEffect(() => {
    if (!active) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || takesText(event.target)) return;
      const label = /^[1-9]$/.test(event.key) ? labels[Number(event.key) - 1] : undefined;
      if (label !== undefined) take(label);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });
}
