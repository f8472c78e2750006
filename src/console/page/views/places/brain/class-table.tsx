import { useState } from 'preact/hooks';
import { SortHeads, type SortOrder } from '../../../../../page/views/sort-heads.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { ClassFigures } from '../../../../contract/brain-contract.js';
import type { PageParts } from '../../../control/page-parts.js';

const COLUMNS = ['label', 'samples', 'recall', 'precision', 'f1'] as const;
type Column = (typeof COLUMNS)[number];

/** How each class fares, sorted by any column; the weakest first at first. */
export function ClassTable({
  page,
  classes,
  link,
}: {
  page: PageParts;
  classes: readonly ClassFigures[];
  /** Address of the images of a class that are taken for another; null: they are not known. */
  link: (truth: string, answered: string) => string | null;
}) {
  const words = useWords(page);
  const [order, setOrder] = useState<SortOrder<Column>>({ by: 'f1', up: true });
  const { by, up } = order;
  const sorted = classes.toSorted((a, b) => (up ? 1 : -1) * compare(a[by], b[by]));
  const share = (value: number | null) => (value === null ? '–' : words.percent(value));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="scroll" tabIndex={0} aria-label={words.say('brain.perClass')}>
      <table class="class-table" id="class-table">
        <thead>
          <tr>
            <SortHeads
              columns={COLUMNS.map((column) => ({
                column,
                name: words.say(`brain.column.${column}`),
              }))}
              words={['label']}
              order={order}
              sort={setOrder}
            />
            <th scope="col">{words.say('brain.column.takenFor')}</th>
          </tr>
        </thead>
        <tbody>
          {sorted.map(({ label, samples, recall, precision, f1, takenFor }) => {
            const href = takenFor === null ? null : link(label, takenFor.label);
            const text =
              takenFor === null ? '–' : `${takenFor.label} (${words.number(takenFor.samples)})`;
            return (
              <tr key={label}>
                <th scope="row">
                  <a href={page.address.link('pictures', { label })}>{label}</a>
                </th>
                <td class="number">{words.number(samples)}</td>
                <td class="number">{share(recall)}</td>
                <td class="number">{share(precision)}</td>
                <td class="number">{share(f1)}</td>
                <td>{href === null ? text : <a href={href}>{text}</a>}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function compare(a: string | number | null, b: string | number | null): number {
  if (typeof a === 'string' && typeof b === 'string') return a.localeCompare(b);
  return Number(a ?? -1) - Number(b ?? -1);
}
