import { ScrollArea } from '../../../../../page/views/scroll-area.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { HeadSummary, TaskDetail } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { useMayOperate } from '../task-choice.js';

/** The heads of a task: how strong their ridge is, and how they do on robots that they have not seen. */
export function HeadsCard({ page, task }: { page: FleetParts; task: TaskDetail }) {
  const words = useWords(page);
  const mayOperate = useMayOperate(page);
  const { heads } = task;
  const newest = heads[0]?.version;
  const rollBackTo = ({ version }: HeadSummary) =>
    void page.orders.give(
      '/api/rollback',
      { task: task.task, backbone: task.backbone, version },
      {
        title: 'fleet.rollback',
        message: 'fleet.rollbackText',
        yes: 'fleet.rollback',
        values: { task: task.task, version },
      },
    );
  return (
    <section class="card" aria-labelledby="heads-title">
      <header>
        <h3 id="heads-title">{words.say('fleet.heads')}</h3>
      </header>
      <p class="hint">{basisText(page, task)}</p>
      {heads.length === 0 && <p class="empty">{words.say('fleet.noHeads')}</p>}
      {heads.length > 0 && (
        <ScrollArea labelledBy="heads-title">
          <table id="heads">
            <thead>
              <tr>
                <th scope="col">{words.say('fleet.version')}</th>
                <th scope="col" class="number">
                  {words.say('fleet.unseen')}
                </th>
                <th scope="col" class="number">
                  {words.say('fleet.macro')}
                </th>
                <th scope="col" class="number">
                  {words.say('fleet.logLoss')}
                </th>
                <th scope="col" class="number">
                  <span aria-hidden="true">λ</span>
                  <span class="away">{words.say('fleet.lambda')}</span>
                </th>
                <th scope="col" class="number">
                  {words.say('fleet.scale')}
                </th>
                <th scope="col" class="number">
                  {words.say('fleet.place.robots')}
                </th>
                <th scope="col" class="number">
                  {words.say('fleet.samplesColumn')}
                </th>
                <th scope="col">{words.say('fleet.outcome')}</th>
                {mayOperate && (
                  <th scope="col">
                    <span class="away">{words.say('fleet.actions')}</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {heads.map((head) => {
                const { version, atMs, leftOut, lambda, scale, robots, samples, states } = head;
                const share = (value: number | undefined) =>
                  value === undefined ? '–' : words.percent(value, 1);
                const loss = leftOut?.logLoss;
                return (
                  <tr key={version}>
                    <th scope="row">
                      {words.number(version)}
                      <small>{words.date(atMs)}</small>
                    </th>
                    <td class="number">{share(leftOut?.accuracy)}</td>
                    <td class="number">{share(leftOut?.macroAccuracy)}</td>
                    <td class="number">
                      {loss === undefined ? '–' : words.number(loss, { maximumFractionDigits: 3 })}
                    </td>
                    <td class="number">{words.number(lambda, { maximumSignificantDigits: 2 })}</td>
                    <td class="number">{words.number(scale, { maximumSignificantDigits: 3 })}</td>
                    <td class="number">{words.number(robots)}</td>
                    <td class="number">{words.number(samples)}</td>
                    <td>
                      {words.say('fleet.outcomes', {
                        serving: states.serving,
                        trial: states.trial,
                        refused: states.refused,
                        rolledBack: states.rolledBack,
                      })}
                    </td>
                    {mayOperate && (
                      <td class="number">
                        {version !== newest && (
                          <button
                            type="button"
                            aria-label={words.say('fleet.rollBackTo', { version })}
                            onClick={() => rollBackTo(head)}
                          >
                            {words.say('fleet.rollback')}
                          </button>
                        )}
                      </td>
                    )}
                  </tr>
                );
              })}
            </tbody>
          </table>
        </ScrollArea>
      )}
    </section>
  );
}

function basisText(
  { words }: FleetParts,
  { basis, moment, featureSize, backboneName }: TaskDetail,
): string {
  return basis === null
    ? words.say('fleet.basisAwaited', { samples: moment.samples, needed: moment.needed })
    : words.say('fleet.basisFixed', {
        directions: basis.directions,
        features: featureSize,
        backbone: backboneName,
        time: words.date(basis.atMs),
      });
}
