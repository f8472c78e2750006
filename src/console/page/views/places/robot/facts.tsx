import type { WordKey } from '../../../words/catalogue/catalogue.js';
import type { Words } from '../../../words/words.js';

export type FactRows = readonly (readonly [key: WordKey, value: string])[];

/** A part of the robot: whether it works, and what is known about it. */
export function Facts({
  words,
  well,
  state,
  heading,
  rows,
}: {
  words: Words;
  well: boolean;
  /** Says `well` in words. */
  state: string;
  heading: string;
  rows: FactRows;
}) {
  return (
    <section class="card">
      <header>
        <h3>{heading}</h3>
        <span class="state" data-well={String(well)}>
          {state}
        </span>
      </header>
      <dl class="rows">
        {rows.map(([key, value]) => (
          <div key={key}>
            <dt>{words.say(key)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
