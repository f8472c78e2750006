import { useState } from 'preact/hooks';
import { ScrollArea } from '../../../../../page/views/scroll-area.js';
import { SortHeads, type SortOrder } from '../../../../../page/views/sort-heads.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { TaskDetail } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { LambdaChart } from './lambda-chart.js';

const COLUMNS = ['robot', 'accuracy', 'logLoss', 'samples', 'notKnown'] as const;
type Column = (typeof COLUMNS)[number];

const COLUMN_KEYS = {
  robot: 'fleet.column.robot',
  accuracy: 'fleet.unseen',
  logLoss: 'fleet.logLoss',
  samples: 'fleet.samplesColumn',
  notKnown: 'fleet.notTaught',
} as const satisfies Record<Column, string>;

const FIRST = 50;

/** How a head does on each robot that it was made without; the weakest first at first. */
export function LeftOutCard({ page, task }: { page: FleetParts; task: TaskDetail }) {
  const words = useWords(page);
  const [order, setOrder] = useState<SortOrder<Column>>({ by: 'accuracy', up: true });
  const [all, setAll] = useState(false);
  const head = task.heads.find(({ leftOut }) => leftOut !== null);
  const { robots = [], lambdas = [] } = head?.leftOut ?? {};
  if (head === undefined || robots.length === 0) return null;
  const sorted = robots.toSorted((a, b) => {
    const [first, second] = [a[order.by], b[order.by]];
    const compared =
      typeof first === 'number' && typeof second === 'number'
        ? first - second
        : String(first).localeCompare(String(second));
    return order.up ? compared : -compared;
  });
  return (
    <section class="card" aria-labelledby="left-out-title">
      <header>
        <h3 id="left-out-title">{words.say('fleet.leftOutTitle', { version: head.version })}</h3>
      </header>
      <p class="hint">{words.say('fleet.leftOutHelp')}</p>
      {lambdas.length > 0 && <LambdaChart page={page} scores={lambdas} />}
      <ScrollArea labelledBy="left-out-title">
        <table id="left-out">
          <thead>
            <tr>
              <SortHeads
                columns={COLUMNS.map((column) => ({
                  column,
                  name: words.say(COLUMN_KEYS[column]),
                }))}
                words={['robot']}
                order={order}
                sort={setOrder}
              />
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, all ? undefined : FIRST).map((each) => (
              <tr key={each.robot}>
                <th scope="row">
                  <a href={page.address.link('robots', { robot: each.robot })}>{each.robot}</a>
                </th>
                <td class="number">{words.percent(each.accuracy, 1)}</td>
                <td class="number">{words.number(each.logLoss, { maximumFractionDigits: 3 })}</td>
                <td class="number">{words.number(each.samples)}</td>
                <td class="number">{words.number(each.notKnown)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollArea>
      {!all && robots.length > FIRST && (
        <button type="button" onClick={() => setAll(true)}>
          {words.say('fleet.showAll', { count: robots.length })}
        </button>
      )}
    </section>
  );
}
