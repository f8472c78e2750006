import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { Message } from '../../../../contract/route-contract.js';
import { useAnswer } from '../../use-answer.js';
import type { PlaceProps } from '../place-props.js';
import { ActionBar } from './action-bar.js';
import { ClassPanel } from './class-panel.js';
import { FilterBar } from './filter-bar.js';
import { usePictureChoice } from './grid/picture-choice.js';
import { PictureGrid } from './grid/picture-grid.js';
import { usePicturePages } from './grid/use-picture-pages.js';
import { ImportCard } from './import/import-card.js';
import type { ImportFile } from './import/import-files.js';
import { useDroppedFiles } from './import/use-dropped-files.js';
import { NarrowedTo } from './narrowed-to.js';
import { PictureDetail } from './picture-detail.js';
import { filterOf, withParams } from './picture-filter.js';
import { PictureOrders } from './picture-orders.js';

const PARTS = ['images', 'classes', 'import'] as const;

/** Everything that is stored: found, corrected, taken in and given out. */
export function PicturesPlace({ page, status }: PlaceProps) {
  const words = useWords(page);
  const params = useSelected(page.store, (state) => state.params);
  const { open, part, ...narrowed } = params;
  const filter = filterOf(narrowed);
  const pages = usePicturePages(page, filter);
  const choice = usePictureChoice();
  const [warnings, setWarnings] = useState<readonly Message[]>([]);
  const [dropped, setDropped] = useState<readonly ImportFile[] | null>(null);
  const dragged = useDroppedFiles(
    (files) => {
      setDropped(files);
      page.address.narrow(withParams(page.store.state.params, { part: 'import', open: undefined }));
    },
    (error) => page.notices.problem(error),
  );
  const orders = useMemo(() => new PictureOrders(page, setWarnings), [page]);
  const offsetMinutes = String(-new Date().getTimezoneOffset());
  const { answer: facets } = useAnswer(page, 'GET /api/pictures/facets', {
    query: { offsetMinutes },
  });
  const classes = facets?.classes ?? status.samples.classes;
  const labels = useMemo(() => {
    const names = new Set([...(status.head?.labels ?? []), ...classes.map(({ label }) => label)]);
    return [...names].sort((a, b) => a.localeCompare(b));
  }, [status.head, classes]);
  const viewed = useDetail(page, open);
  const key = JSON.stringify(filter);
  useLayoutEffect(() => choice.clear(), [key]);
  const total = pages?.total ?? null;
  const shownPart = PARTS.find((each) => each === part) ?? 'images';

  const chooseRange = async (from: number, to: number, anchor: number | null) => {
    if (pages === null) return;
    try {
      choice.add(await pages.ids(from, to), anchor);
    } catch (error) {
      page.notices.problem(error);
    }
  };
  const gridOrders = {
    open: viewed.open,
    range: (from: number, to: number) =>
      void chooseRange(Math.min(from, to), Math.max(from, to) + 1, from),
    all: () => void chooseRange(0, total ?? 0, null),
    remove: async () => {
      if (choice.ids.size === 0 || filter.state === 'trash') return;
      if (await orders.set([...choice.ids], { state: 'trash' })) choice.clear();
    },
  };
  /** Neighbours of the open sample: after a change it may have left the list, and the next one moved up. */
  const ways = () => {
    const found = open === undefined || pages === null ? -1 : pages.indexOf(open);
    const at = found >= 0 ? found : viewed.index;
    const go = (index: number) => {
      const id = pages?.at(index)?.id;
      return id === undefined ? null : () => viewed.move(index, id);
    };
    return {
      at: found,
      previous: at === null ? null : go(at - 1),
      next: at === null ? null : go(found >= 0 ? at + 1 : at),
      close: viewed.close,
    };
  };
  const { at, ...around } = ways();
  const isEmpty = total === 0;
  return (
    <div class="pictures-place" data-part={shownPart} data-dragged={dragged}>
      {open !== undefined && (
        <PictureDetail
          page={page}
          id={open}
          position={
            at < 0 || total === null ? null : words.say('pictures.position', { at: at + 1, total })
          }
          labels={labels}
          orders={orders}
          ways={around}
        />
      )}
      <div class="pictures-list" hidden={open !== undefined}>
        <fieldset class="parts">
          <legend class="away">{words.say('pictures.parts')}</legend>
          {PARTS.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={each === shownPart}
              onClick={() => page.address.narrow({ ...narrowed, part: each })}
            >
              {words.say(`pictures.${each}`)}
            </button>
          ))}
        </fieldset>
        <div class="pictures-main">
          <FilterBar page={page} params={narrowed} facets={facets} />
          <NarrowedTo page={page} params={narrowed} total={total} />
          <Warnings page={page} warnings={warnings} close={() => setWarnings([])} />
          {pages?.problem != null && total === null && (
            <div class="card">
              <p class="problem">{pages.problem.message}</p>
              <button type="button" onClick={() => pages.want(0, 1)}>
                {words.say('shell.retry')}
              </button>
            </div>
          )}
          {isEmpty && <Empty page={page} narrowed={Object.keys(narrowed).length > 0} />}
          {pages !== null && total !== null && total > 0 && (
            <>
              <p class="keys" id="grid-keys">
                {words.say('pictures.gridKeys')}
              </p>
              <PictureGrid
                key={key}
                page={page}
                pages={pages}
                total={total}
                choice={choice}
                start={viewed.index ?? 0}
                orders={gridOrders}
              />
            </>
          )}
        </div>
        <div class="pictures-side">
          <ClassPanel page={page} classes={classes} current={params.label} orders={orders} />
          <ImportCard
            page={page}
            labels={labels}
            dropped={dropped}
            take={setDropped}
            exported={
              total === null || total === 0
                ? null
                : page.api.address('GET /api/pictures/export', { query: filter })
            }
          />
        </div>
        <ActionBar
          page={page}
          choice={choice}
          labels={labels}
          orders={orders}
          inTrash={filter.state === 'trash'}
          more={
            total !== null && choice.ids.size < total ? { total, choose: gridOrders.all } : null
          }
        />
      </div>
      <p class="drop-here" aria-hidden="true">
        {words.say('pictures.dropHere')}
      </p>
    </div>
  );
}

/** The sample that the address opens. Opening is a step for the browser's Back, going on is none. */
function useDetail(page: PlaceProps['page'], open: string | undefined) {
  const [index, setIndex] = useState<number | null>(null);
  const scrolledTo = useRef(0);
  const pushed = useRef(false);
  const params = () => page.store.state.params;
  useLayoutEffect(() => {
    if (open !== undefined) {
      scrollTo(0, 0);
      return;
    }
    pushed.current = false;
    if (index === null) return;
    scrollTo(0, scrolledTo.current);
    const cell = document.querySelector<HTMLElement>(`#pictures [data-index="${index}"]`);
    cell?.scrollIntoView({ block: 'nearest' });
    cell?.focus({ preventScroll: true });
  }, [open === undefined]);
  return {
    /** Where the open sample lay when it was opened; null: not known. */
    index,
    open(at: number, id: string) {
      scrolledTo.current = scrollY;
      pushed.current = true;
      setIndex(at);
      page.address.go('pictures', withParams(params(), { open: id }));
    },
    move(at: number, id: string) {
      setIndex(at);
      page.address.narrow(withParams(params(), { open: id }));
    },
    close() {
      if (pushed.current) history.back();
      else page.address.narrow(withParams(params(), { open: undefined }));
    },
  };
}

function Warnings({
  page,
  warnings,
  close,
}: {
  page: PlaceProps['page'];
  warnings: readonly Message[];
  close: () => void;
}) {
  const words = useWords(page);
  return (
    <div role="status" class="warned">
      {warnings.length > 0 && (
        <div class="card warnings" id="warnings">
          {warnings.map((warning) => (
            <p key={warning.text}>{words.message(warning)}</p>
          ))}
          <button type="button" onClick={close}>
            {words.say('shell.close')}
          </button>
        </div>
      )}
    </div>
  );
}

function Empty({ page, narrowed }: { page: PlaceProps['page']; narrowed: boolean }) {
  const words = useWords(page);
  return (
    <div class="card empty-place">
      <h2>{words.say(narrowed ? 'pictures.noneFound' : 'pictures.noneYet')}</h2>
      <p>{words.say(narrowed ? 'pictures.noneFoundHelp' : 'pictures.noneYetHelp')}</p>
      {!narrowed && (
        <button type="button" class="primary" onClick={() => page.address.go('live')}>
          {words.say('pictures.toLive')}
        </button>
      )}
    </div>
  );
}
