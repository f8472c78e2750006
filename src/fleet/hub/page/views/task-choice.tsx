import { useSelected } from '../../../../page/views/use-selected.js';
import { useWords } from '../../../../page/views/use-words.js';
import type { TaskKey, TaskSummary } from '../../../contract/hub-api.js';
import type { FleetParts } from '../control/fleet-parts.js';

/** A task on a backbone as a part of the address. */
export function taskId({ task, backbone }: TaskKey): string {
  return `${task}@${backbone}`;
}

/** The chosen task: that of the address, else the first one; null: the fleet has none. */
export function useTask(page: FleetParts): TaskSummary | null {
  const overview = useSelected(page.store, (state) => state.overview);
  const wanted = useSelected(page.store, (state) => state.params.task);
  const tasks = overview?.tasks ?? [];
  return tasks.find((each) => taskId(each) === wanted) ?? tasks[0] ?? null;
}

/** Choice of the task, where there are several. */
export function TaskChoice({ page }: { page: FleetParts }) {
  const words = useWords(page);
  const tasks = useSelected(page.store, (state) => state.overview?.tasks) ?? [];
  const chosen = useTask(page);
  if (chosen === null || tasks.length < 2) return null;
  return (
    <label class="inline">
      {words.say('fleet.task')}
      <select
        id="task"
        value={taskId(chosen)}
        onChange={({ currentTarget: { value } }) => page.address.narrow({ task: value })}
      >
        {tasks.map((each) => (
          <option key={taskId(each)} value={taskId(each)}>
            {`${each.task} · ${each.backboneName}`}
          </option>
        ))}
      </select>
    </label>
  );
}

export function useMayOperate(page: FleetParts): boolean {
  return useSelected(page.store, (state) => state.me?.role === 'operate');
}
