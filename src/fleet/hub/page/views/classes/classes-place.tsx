import { useState } from 'preact/hooks';
import { ScrollArea } from '../../../../../page/views/scroll-area.js';
import { SortHeads, type SortOrder } from '../../../../../page/views/sort-heads.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { ClassSummary, TaskDetail } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { TaskChoice, taskId, useTask } from '../task-choice.js';
import { useRead } from '../use-read.js';
import { ClassCard } from './class-card.js';
import { NamesCard } from './names-card.js';

const COLUMNS = ['label', 'samples', 'robots', 'right'] as const;
type Column = (typeof COLUMNS)[number];

const VALUES: Readonly<Record<Column, (each: ClassSummary) => string | number>> = {
  label: ({ label }) => label,
  samples: ({ samples }) => samples,
  robots: ({ taughtBy }) => taughtBy.length,
  right: ({ leftOut }) => (leftOut === null ? -1 : leftOut.right / Math.max(1, leftOut.samples)),
};

/** What the fleet knows, who taught it, and how it is called. */
export function ClassesPlace({ page }: { page: FleetParts }) {
  const words = useWords(page);
  const task = useTask(page);
  const id = task === null ? '' : taskId(task);
  const [chosen, choose] = useState<string | null>(null);
  const { answer, problem } = useRead(page, id, async () =>
    task === null ? null : page.hub.task(task),
  );
  if (task === null) return <p class="card empty">{words.say('fleet.noTasks')}</p>;
  const open = answer?.classList.find(({ label }) => label === chosen);
  return (
    <>
      <TaskChoice page={page} />
      {problem !== null && <p class="problem">{problem}</p>}
      {answer !== null && (
        <>
          <ClassesCard page={page} task={answer} chosen={chosen} choose={choose} />
          {open !== undefined && (
            <ClassCard
              key={open.label}
              page={page}
              task={answer}
              of={open}
              close={() => choose(null)}
            />
          )}
          <NamesCard page={page} task={answer} />
        </>
      )}
    </>
  );
}

function ClassesCard({
  page,
  task,
  chosen,
  choose,
}: {
  page: FleetParts;
  task: TaskDetail;
  chosen: string | null;
  choose: (label: string | null) => void;
}) {
  const words = useWords(page);
  const [order, setOrder] = useState<SortOrder<Column>>({ by: 'label', up: true });
  const value = VALUES[order.by];
  const sorted = task.classList.toSorted((a, b) => {
    const [first, second] = [value(a), value(b)];
    const compared =
      typeof first === 'number' && typeof second === 'number'
        ? first - second
        : String(first).localeCompare(String(second));
    return order.up ? compared : -compared;
  });
  return (
    <section class="card" aria-labelledby="classes-title">
      <header>
        <h3 id="classes-title">
          {words.say('fleet.classesCount', { count: task.classList.length })}
        </h3>
      </header>
      {sorted.length === 0 && <p class="empty">{words.say('fleet.noClasses')}</p>}
      {sorted.length > 0 && (
        <ScrollArea labelledBy="classes-title">
          <table id="classes">
            <thead>
              <tr>
                <SortHeads
                  columns={COLUMNS.map((column) => ({
                    column,
                    name: words.say(`fleet.classColumn.${column}`),
                  }))}
                  words={['label']}
                  order={order}
                  sort={setOrder}
                />
                <th scope="col">{words.say('fleet.alsoCalled')}</th>
              </tr>
            </thead>
            <tbody>
              {sorted.map(({ label, samples, taughtBy, alsoCalled, neverShare, leftOut }) => (
                <tr key={label}>
                  <th scope="row">
                    <button
                      type="button"
                      class="as-link"
                      aria-expanded={chosen === label}
                      onClick={() => choose(chosen === label ? null : label)}
                    >
                      {label}
                    </button>
                    {neverShare && <span class="state">{words.say('fleet.neverShared')}</span>}
                  </th>
                  <td class="number">{words.number(samples)}</td>
                  <td class="number">{words.number(taughtBy.length)}</td>
                  <td class="number">
                    {leftOut === null || leftOut.samples === 0
                      ? '–'
                      : words.percent(leftOut.right / leftOut.samples, 1)}
                  </td>
                  <td>{alsoCalled.length === 0 ? '–' : alsoCalled.join(', ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollArea>
      )}
    </section>
  );
}
