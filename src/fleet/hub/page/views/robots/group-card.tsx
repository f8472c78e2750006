import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { useMayOperate, useTask } from '../task-choice.js';
import { FollowButtons } from './follow-buttons.js';

/** Groups of robots, which can be pinned and paused at once. */
export function GroupCard({ page }: { page: FleetParts }) {
  const words = useWords(page);
  const groups = useSelected(page.store, (state) => state.list?.groups) ?? [];
  const mayOperate = useMayOperate(page);
  const task = useTask(page);
  if (groups.length === 0) return null;
  return (
    <section class="card" aria-labelledby="groups-title">
      <h3 id="groups-title">{words.say('fleet.groups')}</h3>
      <ul class="lines-list">
        {groups.map(({ group, robots, follow }) => (
          <li key={group}>
            <strong>
              <a href={page.address.link('robots', { group })}>{group}</a>
            </strong>
            <span>{words.say('fleet.robotsCount', { count: robots })}</span>
            <span class="state">{words.say(`fleet.follow.${follow}`)}</span>
            {mayOperate && task !== null && (
              <FollowButtons
                page={page}
                whom={{ group }}
                task={task}
                name={group}
                follow={follow}
              />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
