import { useWords } from '../../../../../page/views/use-words.js';
import type { TaskDetail } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { useMayOperate } from '../task-choice.js';

/** Other names of classes, and classes that stay on their robots. */
export function NamesCard({ page, task }: { page: FleetParts; task: TaskDetail }) {
  const words = useWords(page);
  const mayOperate = useMayOperate(page);
  const key = { task: task.task, backbone: task.backbone };
  return (
    <>
      <section class="card" aria-labelledby="aliases-title">
        <h3 id="aliases-title">{words.say('fleet.aliases')}</h3>
        {task.aliases.length === 0 && <p class="empty">{words.say('fleet.noAliases')}</p>}
        <ul class="lines-list" id="aliases">
          {task.aliases.map(({ label, instead }) => (
            <li key={label}>
              <span>{words.say('fleet.aliasOf', { label, instead })}</span>
              {mayOperate && (
                <button
                  type="button"
                  aria-label={words.say('fleet.ownNameOf', { label })}
                  onClick={() =>
                    void page.orders.give(
                      '/api/alias',
                      { ...key, label, instead: null },
                      {
                        title: 'fleet.ownName',
                        message: 'fleet.ownNameText',
                        yes: 'fleet.ownName',
                        values: { label, instead },
                      },
                    )
                  }
                >
                  {words.say('fleet.ownName')}
                </button>
              )}
            </li>
          ))}
        </ul>
      </section>
      <section class="card" aria-labelledby="never-title">
        <h3 id="never-title">{words.say('fleet.neverShareTitle')}</h3>
        {task.neverShare.length === 0 && <p class="empty">{words.say('fleet.noneLocal')}</p>}
        <ul class="lines-list" id="never-shared">
          {task.neverShare.map((label) => (
            <li key={label}>
              <span>{label}</span>
              {mayOperate && (
                <button
                  type="button"
                  aria-label={words.say('fleet.shareAgainOf', { label })}
                  onClick={() =>
                    void page.orders.give(
                      '/api/never-share',
                      { ...key, label, on: false },
                      {
                        title: 'fleet.shareAgain',
                        message: 'fleet.shareAgainText',
                        yes: 'fleet.shareAgain',
                        values: { label },
                      },
                    )
                  }
                >
                  {words.say('fleet.shareAgain')}
                </button>
              )}
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
