import { useLayoutEffect, useRef } from 'preact/hooks';
import { useSelected } from '../../../page/views/use-selected.js';
import { useWords } from '../../../page/views/use-words.js';
import type { PageParts } from '../control/page-parts.js';
import { taskLine } from '../words/task-words.js';

/** Chooses the task that the page is about; nothing is shown while there is nothing to choose from. */
export function TaskPicker({ page }: { page: PageParts }) {
  const words = useWords(page);
  const status = useSelected(page.store, (state) => state.status);
  const task = useSelected(page.store, (state) => state.task);
  if (status === null || !status.namedTasks || status.tasks.length < 2) return null;
  return (
    <section class="tasks" aria-label={words.say('shell.chooseTask')}>
      <fieldset>
        <legend>{words.say('shell.task')}</legend>
        <div class="task-row">
          {status.tasks.map((summary) => (
            <TaskRadio
              key={summary.name}
              name={summary.name}
              facts={taskLine(words, summary)}
              chosen={summary.name === (task ?? status.task)}
              choose={() => page.session.choose(summary.name)}
            />
          ))}
        </div>
      </fieldset>
    </section>
  );
}

function TaskRadio({
  name,
  facts,
  chosen,
  choose,
}: {
  name: string;
  facts: string;
  chosen: boolean;
  choose: () => void;
}) {
  const place = useRef<HTMLLabelElement>(null);
  useLayoutEffect(() => {
    if (chosen) place.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [chosen]);
  return (
    <label class="task" ref={place}>
      <input
        type="radio"
        name="task"
        value={name}
        checked={chosen}
        aria-labelledby={`task-${name}`}
        aria-describedby={`task-${name}-facts`}
        onChange={choose}
      />
      <strong id={`task-${name}`}>{name}</strong>
      <span id={`task-${name}-facts`}>{facts}</span>
    </label>
  );
}
