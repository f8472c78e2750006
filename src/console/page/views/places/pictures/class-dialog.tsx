import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Refusal } from '../../../../../page/request/refusal.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { PageParts } from '../../../control/page-parts.js';
import type { ClassCount } from './filter-bar.js';
import type { PictureOrders } from './picture-orders.js';

const MAX_LABEL_CHARACTERS = 64;

function imagesOf({ training, holdout }: ClassCount): number {
  return training + holdout;
}

/** Renames a class, merges it with another one, or has it ignored. */
export function ClassDialog({
  page,
  target,
  classes,
  orders,
  close,
}: {
  page: PageParts;
  target: ClassCount;
  classes: readonly ClassCount[];
  orders: PictureOrders;
  close: () => void;
}) {
  const words = useWords(page);
  const dialog = useRef<HTMLDialogElement>(null);
  const [name, setName] = useState(target.label);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const wanted = name.trim();
  const other = classes.find(({ label }) => label === wanted && label !== target.label);
  const run = async (order: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    try {
      await order();
      close();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      setProblem(error.message);
      setBusy(false);
    }
  };
  return (
    <dialog id="class-dialog" ref={dialog} aria-labelledby="class-dialog-title" onClose={close}>
      <form
        class="class-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (busy || wanted === '' || wanted === target.label) return;
          void run(() => orders.rename(target.label, wanted, other !== undefined));
        }}
      >
        <h2 id="class-dialog-title">{target.label}</h2>
        <label for="class-name">{words.say('pictures.newName')}</label>
        <input
          id="class-name"
          value={name}
          maxlength={MAX_LABEL_CHARACTERS}
          autocomplete="off"
          autocapitalize="none"
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
        {classes.length > 1 && (
          <>
            <label for="class-into">{words.say('pictures.mergeInto')}</label>
            <select
              id="class-into"
              value={other?.label ?? ''}
              onChange={({ currentTarget }) => setName(currentTarget.value || target.label)}
            >
              <option value="">{words.say('pictures.mergeNone')}</option>
              {classes.flatMap(({ label }) =>
                label === target.label
                  ? []
                  : [
                      <option key={label} value={label}>
                        {label}
                      </option>,
                    ],
              )}
            </select>
          </>
        )}
        <p role="status" class="hint" id="merge-words">
          {other !== undefined &&
            words.say('pictures.mergeWords', {
              from: target.label,
              to: other.label,
              fromCount: imagesOf(target),
              toCount: imagesOf(other),
            })}
        </p>
        <p class="problem" role="alert">
          {problem}
        </p>
        <div class="row end">
          <button type="button" onClick={() => dialog.current?.close()}>
            {words.say('shell.cancel')}
          </button>
          <button
            type="submit"
            class="primary"
            disabled={busy || wanted === '' || wanted === target.label}
          >
            {words.say(other === undefined ? 'pictures.rename' : 'pictures.merge')}
          </button>
        </div>
      </form>
      <hr />
      <p class="hint">{words.say('pictures.ignoreHelp')}</p>
      <button
        type="button"
        id="ignore-class"
        disabled={busy}
        onClick={() => void run(() => orders.ignoreClass(target.label))}
      >
        {words.say('pictures.ignoreClass', { count: imagesOf(target), label: target.label })}
      </button>
    </dialog>
  );
}
