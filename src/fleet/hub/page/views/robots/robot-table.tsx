import { useEffect, useState } from 'preact/hooks';
import { ScrollArea } from '../../../../../page/views/scroll-area.js';
import { SortHeads, type SortOrder } from '../../../../../page/views/sort-heads.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { Disagreement } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { ROBOT_COLUMNS, type RobotColumn, type RobotRow, sortedRows, TONES } from './table-rows.js';

/** A thousand rows at once make every change slow. */
const PER_PAGE = 50;

export function RobotTable({ page, rows }: { page: FleetParts; rows: readonly RobotRow[] }) {
  const words = useWords(page);
  const [order, setOrder] = useState<SortOrder<RobotColumn>>({ by: 'state', up: true });
  const [at, setAt] = useState(0);
  const pages = Math.max(1, Math.ceil(rows.length / PER_PAGE));
  const current = Math.min(at, pages - 1);
  // Another order or another choice begins with its first robots.
  useEffect(() => setAt(0), [order, rows.length]);
  const shown = sortedRows(rows, order).slice(current * PER_PAGE, (current + 1) * PER_PAGE);
  const nowMs = Date.now();
  const figure = (value: number | null | undefined) =>
    value === null || value === undefined ? '–' : words.number(value);
  const share = (value: number | null | undefined) =>
    value === null || value === undefined ? '–' : words.percent(value, 1);
  const loss = (value: number) =>
    words.number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const disagreement = (found: Disagreement | null | undefined) =>
    found ? (
      <>
        {loss(found.excess)}
        <small>{` / ${loss(found.flagAt)}`}</small>
      </>
    ) : (
      '–'
    );
  return (
    <section class="card" aria-labelledby="robots-title">
      <header>
        <h3 id="robots-title">{words.say('fleet.robotsCount', { count: rows.length })}</h3>
      </header>
      {rows.length === 0 && <p class="empty">{words.say('fleet.noRobots')}</p>}
      {rows.some(({ task }) => task?.disagreement) && (
        <p class="hint">{words.say('fleet.disagreementHelp')}</p>
      )}
      {rows.length > 0 && (
        <ScrollArea labelledBy="robots-title">
          <table class="robot-table" id="robots">
            <thead>
              <tr>
                <SortHeads
                  columns={ROBOT_COLUMNS.map((column) => ({
                    column,
                    name: words.say(`fleet.column.${column}`),
                  }))}
                  words={['robot', 'state']}
                  order={order}
                  sort={setOrder}
                />
              </tr>
            </thead>
            <tbody>
              {shown.map(({ robot, task, state }) => (
                <tr key={robot.robot}>
                  <th scope="row">
                    <a href={page.address.link('robots', { robot: robot.robot })}>{robot.robot}</a>
                    {robot.group !== null && <small>{robot.group}</small>}
                  </th>
                  <td>
                    <span class="state" data-tone={TONES[state]}>
                      {words.say(`fleet.state.${state}`)}
                    </span>
                  </td>
                  <td class="number">{figure(task?.serving?.fleetVersion)}</td>
                  <td class="number">{figure(task?.serving?.localVersion)}</td>
                  <td class="number">{share(task?.serving?.holdout?.accuracy)}</td>
                  <td class="number">{share(task?.leftOut?.accuracy)}</td>
                  <td class="number">{disagreement(task?.disagreement)}</td>
                  <td class="number">{share(task?.unknownShare)}</td>
                  <td class="number">{words.ago(robot.lastSeenAtMs, nowMs)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollArea>
      )}
      <nav class="row pager" aria-label={words.say('fleet.pages')} hidden={pages === 1}>
        <button type="button" disabled={current === 0} onClick={() => setAt(current - 1)}>
          {words.say('fleet.previous')}
        </button>
        <span>{words.say('fleet.pageOf', { page: current + 1, pages })}</span>
        <button type="button" disabled={current === pages - 1} onClick={() => setAt(current + 1)}>
          {words.say('fleet.next')}
        </button>
      </nav>
    </section>
  );
}
