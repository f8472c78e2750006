import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { ConsoleStatus } from '../../../../contract/live-contract.js';
import type { Question } from '../../../../contract/teach-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import type { Answer } from '../../../control/teach/teach-orders.js';
import { isBeginner } from '../../../words/belief.js';
import { MANY_CLASSES } from '../../look/label-pad.js';
import { KeyCap } from '../../parts/key-cap.js';
import { labelKeys, useKeys } from '../../use-keys.js';
import { ClassField } from './class-field.js';
import { numberedLabels } from './numbered-labels.js';
import { QuestionImage } from './question-image.js';

/** One question: the image, the guess as the main button, and everything else that can be answered. */
export function QuestionCard({
  page,
  status,
  question,
}: {
  page: PageParts;
  status: ConsoleStatus;
  question: Question;
}) {
  const { store, teaching } = page;
  const words = useWords(page);
  const picture = useSelected(store, (state) => state.teach.pictures)[question.id];
  const nothingLabel = useSelected(store, (state) => state.teach.nothingLabel);
  const [typed, setTyped] = useState('');
  const card = useRef<HTMLElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const labels = numberedLabels(question, status);
  const offered = question.offered ? (question.guess?.label ?? null) : null;
  const guess = offered !== null && labels.includes(offered) ? offered : null;
  const off = picture === undefined;
  const blind = off || picture === 'gone';
  const answer = (given: Answer) => {
    if (!teaching.answer(given)) return;
    setTyped('');
    field.current?.blur();
    // The keys of the next question belong to the question, not to the button pressed for the last one.
    card.current?.focus({ preventScroll: true });
  };
  const label = (name: string) => answer({ kind: 'label', label: name });
  const skip = () => {
    if (teaching.skip()) card.current?.focus({ preventScroll: true });
  };
  useLayoutEffect(() => setTyped(''), [question.id]);
  const confirm = guess === null ? undefined : () => label(guess);
  const toField = () => field.current?.focus();
  useKeys(page, {
    ...labelKeys(labels, label),
    Enter: confirm,
    ' ': confirm,
    '0': nothingLabel === null ? undefined : () => label(nothingLabel),
    '?': () => answer({ kind: 'cannot_tell' }),
    x: () => answer({ kind: 'bad_image' }),
    s: skip,
    ArrowRight: skip,
    n: toField,
    '/': toField,
  });
  return (
    <article class="question" id="question" ref={card} tabIndex={-1} data-id={question.id}>
      <QuestionImage
        page={page}
        question={question}
        picture={picture}
        confirm={confirm ?? null}
        skip={skip}
      />
      <div class="answers">
        <p class="hint why">{words.message(question.why)}</p>
        {guess !== null && (
          <button
            type="button"
            class="primary confirm"
            id="confirm-guess"
            data-label={guess}
            disabled={blind}
            aria-keyshortcuts="Enter"
            onClick={() => label(guess)}
          >
            <span>{words.say('teach.confirm', { label: guess })}</span>
            <small>{guessWords(page, status, question)}</small>
          </button>
        )}
        {guess === null && <h3 id="what-is-it">{words.say('live.whatIsIt')}</h3>}
        <Labels
          page={page}
          labels={labels}
          shown={shownLabels(labels, guess, typed)}
          off={blind}
          choose={label}
        />
        <ClassField
          page={page}
          labels={labels}
          field={field}
          typed={typed}
          setTyped={setTyped}
          off={blind}
          choose={label}
        />
        <div class="no-answers">
          <OtherAnswer id="skip" name={words.say('teach.skip')} keyName="S" off={off} act={skip} />
          <OtherAnswer
            id="cannot-tell"
            name={words.say('teach.cannot_tell')}
            keyName="?"
            off={off}
            act={() => answer({ kind: 'cannot_tell' })}
          />
          <OtherAnswer
            id="nothing-here"
            name={words.say('teach.nothing')}
            keyName="0"
            off={blind || nothingLabel === null}
            act={() => label(nothingLabel ?? '')}
          />
          <OtherAnswer
            id="bad-image"
            name={words.say('teach.bad_image')}
            keyName="X"
            off={off}
            act={() => answer({ kind: 'bad_image' })}
          />
        </div>
        <p class="keys">{words.say('teach.keys')}</p>
      </div>
    </article>
  );
}

/** With few classes, all but the guess; with many, those that match the typed text. */
function shownLabels(labels: readonly string[], guess: string | null, typed: string): string[] {
  const wanted = typed.trim().toLocaleLowerCase();
  const others = labels.filter((label) => label !== guess || wanted !== '');
  const matching = others.filter((label) => label.toLocaleLowerCase().includes(wanted));
  return labels.length > MANY_CLASSES ? matching : others;
}

function guessWords(page: PageParts, { trust }: ConsoleStatus, { guess }: Question): string {
  const { words } = page;
  if (guess === null) return '';
  if (isBeginner(trust)) return words.say('teach.beginnerGuess');
  return words.say('teach.guess', { percent: words.percent(guess.probability) });
}

function Labels({
  page,
  labels,
  shown,
  off,
  choose,
}: {
  page: PageParts;
  labels: readonly string[];
  shown: readonly string[];
  off: boolean;
  choose: (label: string) => void;
}) {
  const words = useWords(page);
  if (shown.length === 0) return null;
  return (
    <fieldset class="labels" id="other-labels" aria-label={words.say('teach.otherLabels')}>
      {shown.map((label) => {
        const number = labels.indexOf(label) + 1;
        return (
          <button
            key={label}
            type="button"
            data-label={label}
            disabled={off}
            aria-keyshortcuts={number <= MANY_CLASSES ? String(number) : undefined}
            onClick={() => choose(label)}
          >
            <span>{label}</span>
            {number <= MANY_CLASSES && <KeyCap name={String(number)} />}
          </button>
        );
      })}
    </fieldset>
  );
}

function OtherAnswer({
  id,
  name,
  keyName,
  off,
  act,
}: {
  id: string;
  name: string;
  keyName: string;
  off: boolean;
  act: () => void;
}) {
  return (
    <button type="button" id={id} disabled={off} aria-keyshortcuts={keyName} onClick={act}>
      <span>{name}</span>
      <KeyCap name={keyName} />
    </button>
  );
}
