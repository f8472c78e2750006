import { useEffect, useRef, useState } from 'preact/hooks';
import { ProgressBar } from '../../../../../../page/views/progress-bar.js';
import { useWords } from '../../../../../../page/views/use-words.js';
import type { PageParts } from '../../../../control/page-parts.js';
import { ACCEPTED, chosenFiles, folderOf, type ImportFile, mediaTypeOf } from './import-files.js';
import { ImportRun, type ImportState } from './upload-run.js';

const FOLDERS_NAMED = 6;

/** Takes images from folders and archives into the store, and says what was not taken. */
export function ImportCard({
  page,
  labels,
  dropped,
  take,
  exported,
}: {
  page: PageParts;
  labels: readonly string[];
  /** Files that were dropped on the page or chosen; null: none. */
  dropped: readonly ImportFile[] | null;
  /** Takes files that were chosen here; null: lets go of them. */
  take: (files: readonly ImportFile[] | null) => void;
  /** Address of the archive of what the list shows; null: it shows nothing. */
  exported: string | null;
}) {
  const words = useWords(page);
  const [state, setState] = useState<ImportState | null>(null);
  const run = useRef<ImportRun | null>(null);
  useEffect(() => () => run.current?.cancel(), []);
  const start = (files: readonly ImportFile[], label: string | null) => {
    take(null);
    run.current = new ImportRun(page, files, label, setState);
    void run.current.run();
  };
  const running = state !== null && !state.ended;
  return (
    <section class="card import" aria-labelledby="import-title">
      <header>
        <h2 id="import-title">{words.say('pictures.importTitle')}</h2>
      </header>
      {running ? (
        <Running page={page} state={state} cancel={() => run.current?.cancel()} />
      ) : dropped !== null ? (
        <Offer page={page} files={dropped} labels={labels} start={start} leave={() => take(null)} />
      ) : (
        <>
          <p class="hint">{words.say('pictures.importHelp')}</p>
          <div class="choices">
            <FileButton text={words.say('pictures.chooseFiles')} folder={false} take={take} />
            <FileButton text={words.say('pictures.chooseFolder')} folder take={take} />
          </div>
        </>
      )}
      {state?.ended && <Report page={page} state={state} close={() => setState(null)} />}
      {exported !== null && !running && (
        <a class="button" id="export" href={exported} download="">
          {words.say('pictures.export')}
        </a>
      )}
    </section>
  );
}

function FileButton({
  text,
  folder,
  take,
}: {
  text: string;
  folder: boolean;
  take: (files: readonly ImportFile[]) => void;
}) {
  return (
    <label class="button file-button">
      <span>{text}</span>
      <input
        type="file"
        class="away"
        multiple
        accept={folder ? undefined : ACCEPTED}
        ref={(element) => {
          if (element !== null) element.webkitdirectory = folder;
        }}
        onChange={({ currentTarget }) => {
          if (currentTarget.files !== null && currentTarget.files.length > 0) {
            take(chosenFiles(currentTarget.files));
          }
          currentTarget.value = '';
        }}
      />
    </label>
  );
}

/** What would be imported, before anything is. */
function Offer({
  page,
  files,
  labels,
  start,
  leave,
}: {
  page: PageParts;
  files: readonly ImportFile[];
  labels: readonly string[];
  start: (files: readonly ImportFile[], label: string | null) => void;
  leave: () => void;
}) {
  const words = useWords(page);
  const [label, setLabel] = useState('');
  const folders = new Map<string, number>();
  let archives = 0;
  let loose = 0;
  for (const { name } of files) {
    const type = mediaTypeOf(name);
    if (type === undefined) continue;
    const folder = folderOf(name);
    if (type === 'application/zip') archives += 1;
    else if (folder === null) loose += 1;
    else folders.set(folder, (folders.get(folder) ?? 0) + 1);
  }
  const named = [...folders].slice(0, FOLDERS_NAMED);
  const count = files.filter(({ name }) => mediaTypeOf(name) !== undefined).length;
  return (
    <div class="offer" id="import-offer">
      <p role="status">
        <strong>
          {count === 0
            ? words.say('pictures.offerNothing')
            : words.say('pictures.offerFiles', { count })}
        </strong>
      </p>
      {named.length > 0 && (
        <ul class="offer-classes">
          {named.map(([folder, images]) => (
            <li key={folder}>
              <span>{folder}</span> <span class="count">{words.number(images)}</span>
            </li>
          ))}
          {folders.size > named.length && (
            <li>{words.say('pictures.offerMore', { count: folders.size - named.length })}</li>
          )}
        </ul>
      )}
      {archives > 0 && <p class="hint">{words.say('pictures.offerArchives')}</p>}
      {loose > 0 && (
        <label class="offer-label">
          <span>{words.say('pictures.offerLoose', { count: loose })}</span>
          <select value={label} onChange={({ currentTarget }) => setLabel(currentTarget.value)}>
            <option value="">{words.say('pictures.offerAsk')}</option>
            {labels.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
      )}
      <div class="choices">
        <button
          type="button"
          class="primary"
          id="import-start"
          disabled={count === 0}
          onClick={() => start(files, label === '' ? null : label)}
        >
          {words.say('pictures.importStart')}
        </button>
        <button type="button" onClick={leave}>
          {words.say('shell.cancel')}
        </button>
      </div>
    </div>
  );
}

function Running({
  page,
  state: { done, files },
  cancel,
}: {
  page: PageParts;
  state: ImportState;
  cancel: () => void;
}) {
  const words = useWords(page);
  const text = words.say('pictures.importing', { done, files });
  return (
    <div class="offer" id="import-running">
      <p>{text}</p>
      <ProgressBar share={files > 0 ? done / files : 0} label={text} />
      <button type="button" onClick={cancel}>
        {words.say('shell.cancel')}
      </button>
    </div>
  );
}

function Report({
  page,
  state,
  close,
}: {
  page: PageParts;
  state: ImportState;
  close: () => void;
}) {
  const words = useWords(page);
  const { stored, duplicates, refused, refusedTotal, cancelled } = state;
  return (
    <div class="report" id="import-report">
      <p role="status">
        <strong>{words.say('pictures.imported', { count: stored })}</strong>
        {cancelled && ` ${words.say('pictures.importCancelled')}`}
        {duplicates > 0 && ` ${words.say('pictures.importDuplicates', { count: duplicates })}`}
      </p>
      {refusedTotal > 0 && (
        <details open={refusedTotal <= 5}>
          <summary>{words.say('pictures.importRefused', { count: refusedTotal })}</summary>
          <ul>
            {refused.map(({ name, message }) => (
              <li key={name}>
                <b>{name}</b> <span>{message}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
      <button type="button" class="quiet" onClick={close}>
        {words.say('shell.close')}
      </button>
    </div>
  );
}
