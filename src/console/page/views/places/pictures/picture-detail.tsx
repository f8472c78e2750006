import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { AnswerOf } from '../../../../contract/contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { SampleImage } from '../../parts/sample-image.js';
import { useAnswer } from '../../use-answer.js';
import { takesText } from '../../use-shortcuts.js';
import { StateButtons } from './action-bar.js';
import { positionText } from './filter-bar.js';
import { MARKS } from './grid/picture-tile.js';
import { LabelChooser } from './label-chooser.js';
import type { NewState, PictureOrders } from './picture-orders.js';
import { titleOf } from './picture-words.js';

type Detail = AnswerOf<'GET /api/pictures/{id}'>;

export interface DetailWays {
  /** Null: there is none, or it is not known. */
  previous: (() => void) | null;
  next: (() => void) | null;
  close: () => void;
}

/** One sample: its image, its label, what the head says, and where it came from. */
export function PictureDetail({
  page,
  id,
  position,
  labels,
  orders,
  ways,
}: {
  page: PageParts;
  id: string;
  /** "3 of 40"; null: not known */
  position: string | null;
  labels: readonly string[];
  orders: PictureOrders;
  ways: DetailWays;
}) {
  const words = useWords(page);
  const { answer, problem } = useAnswer(page, 'GET /api/pictures/{id}', { params: { id } });
  const detail = answer?.picture.id === id ? answer : null;
  const set = async (to: NewState) => {
    if (detail !== null && (await orders.set([id], to))) ways.next?.();
  };
  useDetailKeys(ways, () => void set({ state: 'trash' }));
  const title = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => title.current?.focus({ preventScroll: true }), [id]);
  return (
    <article class="detail" id="detail" aria-labelledby="detail-title">
      <header class="detail-bar">
        <button type="button" id="detail-close" onClick={ways.close}>
          <span aria-hidden="true">←</span> {words.say('pictures.back')}
        </button>
        <span class="count">{position}</span>
        <span class="grow" />
        <button
          type="button"
          class="square"
          id="detail-previous"
          aria-label={words.say('pictures.previous')}
          disabled={ways.previous === null}
          onClick={() => ways.previous?.()}
        >
          <span aria-hidden="true">‹</span>
        </button>
        <button
          type="button"
          class="square"
          id="detail-next"
          aria-label={words.say('pictures.next')}
          disabled={ways.next === null}
          onClick={() => ways.next?.()}
        >
          <span aria-hidden="true">›</span>
        </button>
      </header>
      <div class="detail-image">
        {detail?.picture.hasPicture === false ? (
          <p class="no-image">{words.say('pictures.imageGoneLong')}</p>
        ) : (
          <SampleImage page={page} id={id} size="picture" alt={words.say('pictures.image')} />
        )}
      </div>
      <div class="detail-side card">
        <h2 id="detail-title" tabIndex={-1} ref={title}>
          {detail === null ? words.say('shell.loading') : titleOf(detail.picture, words)}
        </h2>
        {problem !== null && detail === null && <p class="problem">{problem.message}</p>}
        {detail !== null && (
          <>
            <Judgement page={page} detail={detail} />
            {detail.picture.state === 'trash' ? (
              <button type="button" class="primary" onClick={() => void set({ state: 'restored' })}>
                {words.say('pictures.restore')}
              </button>
            ) : (
              <>
                <h3>{words.say('pictures.whatIsIt')}</h3>
                <LabelChooser
                  page={page}
                  labels={labels}
                  current={detail.picture.label}
                  keys
                  choose={(label) => void set({ label })}
                />
                <StateButtons page={page} choose={(state) => void set({ state })} />
                <button
                  type="button"
                  id="detail-delete"
                  onClick={() => void set({ state: 'trash' })}
                >
                  {words.say('pictures.delete')}
                </button>
              </>
            )}
            <Facts page={page} detail={detail} />
            <History page={page} detail={detail} />
          </>
        )}
        <p class="keys">{words.say('pictures.detailKeys')}</p>
      </div>
    </article>
  );
}

/** What the head says about the sample, without having learnt from it. */
function Judgement({ page, detail: { picture } }: { page: PageParts; detail: Detail }) {
  const words = useWords(page);
  const { answer, verdicts } = picture;
  if (answer === null) return <p class="hint">{words.say('pictures.noAnswer')}</p>;
  return (
    <div class="judgement">
      <p>
        {words.say('pictures.headSays', {
          label: answer.label,
          percent: words.percent(answer.probability),
        })}
      </p>
      {verdicts.map((verdict) => (
        <p key={verdict} data-verdict={verdict}>
          <i aria-hidden="true">{MARKS[verdict]}</i>
          {words.say(`pictures.explain.${verdict}`)}
        </p>
      ))}
    </div>
  );
}

function Facts({ page, detail }: { page: PageParts; detail: Detail }) {
  const words = useWords(page);
  const { picture, position, origin } = detail;
  const rows: [name: string, value: string | null][] = [
    [words.say('pictures.filter.day'), words.date(picture.capturedAtMs)],
    [words.say('pictures.filter.camera'), picture.camera === '' ? null : picture.camera],
    [
      words.say('pictures.filter.side'),
      picture.label === null
        ? null
        : words.say(`pictures.side.${picture.holdout ? 'holdout' : 'training'}`),
    ],
    [
      words.say('pictures.filter.place'),
      position && positionText(position.latitude, position.longitude, words),
    ],
    [words.say('pictures.origin'), origin],
  ];
  return (
    <dl class="rows">
      {rows.flatMap(([name, value]) =>
        value === null
          ? []
          : [
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>,
            ],
      )}
    </dl>
  );
}

function History({ page, detail: { history } }: { page: PageParts; detail: Detail }) {
  const words = useWords(page);
  if (history.length === 0) return null;
  return (
    <details class="history-of-labels">
      <summary>{words.say('pictures.history', { count: history.length })}</summary>
      <ol>
        {history.map(({ atMs, from, to, by }) => (
          <li key={`${atMs} ${to}`}>
            <span>
              {words.say(from === null ? 'pictures.historyFirst' : 'pictures.historyChange', {
                from: from ?? '',
                to: to ?? words.say('pictures.noLabel'),
              })}
            </span>
            <small>{`${words.date(atMs)} · ${by}`}</small>
          </li>
        ))}
      </ol>
    </details>
  );
}

function useDetailKeys(ways: DetailWays, remove: () => void): void {
  useEffect(() => {
    const acts: Readonly<Record<string, (() => void) | null>> = {
      ArrowLeft: ways.previous,
      ArrowRight: ways.next,
      Escape: ways.close,
      Delete: remove,
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || takesText(event.target)) return;
      const act = acts[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });
}
