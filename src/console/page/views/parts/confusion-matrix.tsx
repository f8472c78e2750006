import type { Words } from '../../words/words.js';

/** Beyond, the matrix is folded and the most confused pairs come first. */
export const CLASSES_AT_A_GLANCE = 15;
const PAIRS_SHOWN = 10;

export interface Confusion {
  labels: readonly string[];
  /** Row = the true class, column = the predicted one. */
  confusion: readonly (readonly number[])[];
}

/** Address of the images behind a cell; null: they are not known. */
export type CellLink = (truth: string, answered: string) => string | null;

/** Which class is taken for which, each cell a link to its images. */
export function ConfusionMatrix({
  confusion,
  words,
  link,
}: {
  confusion: Confusion;
  words: Words;
  link: CellLink;
}) {
  const { labels } = confusion;
  const many = labels.length > CLASSES_AT_A_GLANCE;
  const pairs = confusedPairs(confusion);
  return (
    <>
      {pairs.length === 0 ? (
        <p>{words.say('brain.noMistakes')}</p>
      ) : (
        <ol class="pairs" id="confused-pairs">
          {pairs.slice(0, many ? PAIRS_SHOWN : 3).map(({ truth, answered, count, all }) => {
            const text = words.say('brain.takenFor', { truth, answered, count, all });
            const href = link(truth, answered);
            return <li key={text}>{href === null ? text : <a href={href}>{text}</a>}</li>;
          })}
        </ol>
      )}
      {many ? (
        <details>
          <summary>{words.say('brain.wholeMatrix', { count: labels.length })}</summary>
          <Matrix confusion={confusion} words={words} link={link} />
        </details>
      ) : (
        <Matrix confusion={confusion} words={words} link={link} />
      )}
    </>
  );
}

function Matrix({
  confusion: { labels, confusion },
  words,
  link,
}: {
  confusion: Confusion;
  words: Words;
  link: CellLink;
}) {
  return (
    <>
      <p class="hint">{words.say('brain.matrixHelp')}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section class="scroll" tabIndex={0} aria-label={words.say('brain.confusion')}>
        <table class="confusion" style={{ '--labels': String(labels.length) }}>
          <thead>
            <tr>
              <td />
              {labels.map((label) => (
                <th key={label} scope="col" title={label}>
                  <span>{label}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {labels.map((truth, row) => (
              <tr key={truth}>
                <th scope="row" title={truth}>
                  {truth}
                </th>
                {labels.map((answered, column) => (
                  <Cell
                    key={answered}
                    truth={truth}
                    answered={answered}
                    counts={confusion[row] ?? []}
                    at={column}
                    words={words}
                    link={link}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

function Cell({
  truth,
  answered,
  counts,
  at,
  words,
  link,
}: {
  truth: string;
  answered: string;
  counts: readonly number[];
  at: number;
  words: Words;
  link: CellLink;
}) {
  const count = counts[at] ?? 0;
  if (count === 0) return <td class="zero">·</td>;
  const all = counts.reduce((sum, value) => sum + value, 0);
  const heat = 0.14 + (0.86 * count) / all;
  const classes = [truth === answered ? 'right' : 'wrong', heat > 0.55 ? 'hot' : ''];
  const href = link(truth, answered);
  const name = words.say(truth === answered ? 'brain.cellRight' : 'brain.cellWrong', {
    count,
    all,
    truth,
    answered,
  });
  return (
    <td class={classes.join(' ').trim()} style={{ '--heat': heat.toFixed(2) }} title={name}>
      {href === null ? (
        words.number(count)
      ) : (
        <a href={href} aria-label={name}>
          {words.number(count)}
        </a>
      )}
    </td>
  );
}

function confusedPairs({ labels, confusion }: Confusion) {
  return confusion
    .flatMap((row, truth) => {
      const all = row.reduce((sum, count) => sum + count, 0);
      return row.flatMap((count, answered) =>
        truth === answered || count === 0
          ? []
          : [{ truth: labels[truth] ?? '', answered: labels[answered] ?? '', count, all }],
      );
    })
    .sort((a, b) => b.count - a.count || b.count / b.all - a.count / a.all);
}
