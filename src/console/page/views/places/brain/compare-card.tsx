import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { AnswerOf } from '../../../../contract/contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { useAnswer } from '../../use-answer.js';
import { withParams } from '../pictures/picture-filter.js';
import { AnswerPairs } from './answer-pairs.js';

const PAIRS_SHOWN = 8;

type Compared = AnswerOf<'GET /api/brain/compare'>;

/** Two versions on the samples that both have answered. */
export function CompareCard({
  page,
  versions,
}: {
  page: PageParts;
  /** Stored versions, newest first. */
  versions: readonly number[];
}) {
  const words = useWords(page);
  const params = useSelected(page.store, (state) => state.params);
  const b = versions.find((each) => String(each) === params.b) ?? versions[0];
  const a =
    versions.find((each) => String(each) === params.a && each !== b) ??
    versions.find((each) => each !== b);
  const request =
    a === undefined || b === undefined ? null : { query: { a: String(a), b: String(b) } };
  const { answer, problem } = useAnswer(page, 'GET /api/brain/compare', request);
  if (a === undefined || b === undefined) return null;
  const choose = (change: Record<string, string>) =>
    page.address.narrow(withParams(params, { a: String(a), b: String(b), ...change }));
  const menu = (name: 'a' | 'b', value: number, other: number) => (
    <label class="filter-menu">
      <span>{name.toUpperCase()}</span>
      <select
        id={`compare-${name}`}
        value={String(value)}
        onChange={({ currentTarget }) => choose({ [name]: currentTarget.value })}
      >
        {versions.flatMap((version) =>
          version === other
            ? []
            : [
                <option key={version} value={String(version)}>
                  {words.say('brain.versionName', { version })}
                </option>,
              ],
        )}
      </select>
    </label>
  );
  return (
    <section class="card compare" id="compare" aria-labelledby="compare-title">
      <header>
        <h2 id="compare-title">{words.say('brain.compare')}</h2>
      </header>
      <div class="choices">
        {menu('a', a, b)}
        {menu('b', b, a)}
      </div>
      {problem !== null && <p class="problem">{problem.message}</p>}
      {problem === null && answer !== null && (
        <Comparison page={page} answer={answer} a={a} b={b} />
      )}
    </section>
  );
}

function Comparison({
  page,
  answer,
  a,
  b,
}: {
  page: PageParts;
  answer: Compared;
  a: number;
  b: number;
}) {
  const words = useWords(page);
  const names = [
    words.say('brain.versionName', { version: a }),
    words.say('brain.versionName', { version: b }),
  ] as const;
  const counts: [key: string, name: string, samples: number][] = [
    ['both', words.say('brain.bothRight'), answer.bothRight],
    ['a', words.say('brain.onlyRight', { version: a }), answer.onlyARight.samples],
    ['b', words.say('brain.onlyRight', { version: b }), answer.onlyBRight.samples],
    ['none', words.say('brain.bothWrong'), answer.bothWrong],
  ];
  const total = Math.max(1, answer.samples);
  const different = answer.classes
    .filter(({ recallA, recallB }) => Math.abs(recallA - recallB) > 1e-9)
    .toSorted((x, y) => Math.abs(y.recallB - y.recallA) - Math.abs(x.recallB - x.recallA));
  return (
    <>
      <p role="status">{words.message(answer.summary)}</p>
      {answer.samples > 0 && (
        <>
          <div class="stacked" aria-hidden="true">
            {counts.map(([key, , samples]) => (
              <i key={key} data-part={key} style={{ width: `${(100 * samples) / total}%` }} />
            ))}
          </div>
          <dl class="rows compare-counts">
            {counts.map(([key, name, samples]) => (
              <div key={key}>
                <dt>
                  <i data-part={key} aria-hidden="true" /> {name}
                </dt>
                <dd>{words.number(samples)}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
      <AnswerPairs
        page={page}
        id="only-b"
        title={words.say('brain.onlyRight', { version: b })}
        pairs={answer.onlyBRight.pairs.slice(0, PAIRS_SHOWN)}
        names={names}
      />
      <AnswerPairs
        page={page}
        id="only-a"
        title={words.say('brain.onlyRight', { version: a })}
        pairs={answer.onlyARight.pairs.slice(0, PAIRS_SHOWN)}
        names={names}
      />
      {different.length > 0 && (
        <details>
          <summary>{words.say('brain.compareClasses')}</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
          <section class="scroll" tabIndex={0} aria-label={words.say('brain.compareClasses')}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{words.say('brain.column.label')}</th>
                  <th scope="col" class="number">
                    {words.say('brain.column.samples')}
                  </th>
                  <th scope="col" class="number">
                    {names[0]}
                  </th>
                  <th scope="col" class="number">
                    {names[1]}
                  </th>
                </tr>
              </thead>
              <tbody>
                {different.map(({ label, samples, recallA, recallB }) => (
                  <tr key={label}>
                    <th scope="row">{label}</th>
                    <td class="number">{words.number(samples)}</td>
                    <td class="number">{words.percent(recallA)}</td>
                    <td class="number">
                      {words.percent(recallB)} {recallB > recallA ? '▲' : '▼'}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        </details>
      )}
    </>
  );
}
