import { useEffect, useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { PageParts } from '../../../control/page-parts.js';
import type { PictureChoice } from './grid/picture-choice.js';
import { LabelChooser } from './label-chooser.js';
import type { NewState, PictureOrders } from './picture-orders.js';

/** States that a person gives to samples that are nothing of the task. */
export const SET_ASIDE = ['waiting', 'cannot_tell', 'bad_image', 'ignored'] as const;

/** What can be done with the samples that are chosen. */
export function ActionBar({
  page,
  choice,
  labels,
  orders,
  inTrash,
  more,
}: {
  page: PageParts;
  choice: PictureChoice;
  labels: readonly string[];
  orders: PictureOrders;
  /** The list shows the trash. */
  inTrash: boolean;
  /** Chooses all that are shown; null: all are chosen. */
  more: { total: number; choose: () => void } | null;
}) {
  const words = useWords(page);
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const count = choice.ids.size;
  const isEmpty = count === 0;
  useEffect(() => setOpen(false), [isEmpty]);
  if (isEmpty) return null;
  const set = async (to: NewState) => {
    setBusy(true);
    const done = await orders.set([...choice.ids], to);
    setBusy(false);
    if (done) choice.clear();
  };
  return (
    <section class="actions" id="actions" aria-label={words.say('pictures.actions')} inert={busy}>
      <div class="actions-row">
        <strong role="status" id="chosen-count">
          {words.say('pictures.chosen', { count })}
        </strong>
        {more !== null && (
          <button type="button" id="choose-all" class="quiet" onClick={more.choose}>
            {words.say('pictures.chooseAll', { count: more.total })}
          </button>
        )}
        <span class="grow" />
        <button
          type="button"
          class="square"
          id="choose-none"
          aria-label={words.say('pictures.chooseNone')}
          title={words.say('pictures.chooseNone')}
          onClick={choice.clear}
        >
          <span aria-hidden="true">✕</span>
        </button>
      </div>
      <div class="actions-row">
        {inTrash ? (
          <button
            type="button"
            class="primary"
            id="restore"
            onClick={() => void set({ state: 'restored' })}
          >
            {words.say('pictures.restore')}
          </button>
        ) : (
          <>
            <button
              type="button"
              class="primary"
              id="relabel"
              aria-expanded={open}
              onClick={() => setOpen(!open)}
            >
              {words.say('pictures.relabel')}
            </button>
            <button type="button" id="delete" onClick={() => void set({ state: 'trash' })}>
              {words.say('pictures.delete')}
            </button>
          </>
        )}
      </div>
      {open && !inTrash && (
        <div class="actions-panel">
          <LabelChooser
            page={page}
            labels={labels}
            current={null}
            keys={false}
            choose={(label) => void set({ label })}
          />
          <StateButtons page={page} choose={(state) => void set({ state })} />
        </div>
      )}
    </section>
  );
}

/** The buttons that take the label away. */
export function StateButtons({
  page,
  choose,
}: {
  page: PageParts;
  choose: (state: (typeof SET_ASIDE)[number]) => void;
}) {
  const words = useWords(page);
  return (
    <ul class="states" aria-label={words.say('pictures.noLabel')}>
      {SET_ASIDE.map((state) => (
        <li key={state}>
          <button type="button" data-state={state} onClick={() => choose(state)}>
            {words.say(`pictures.set.${state}`)}
          </button>
        </li>
      ))}
    </ul>
  );
}
