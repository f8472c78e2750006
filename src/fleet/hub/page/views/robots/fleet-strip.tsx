import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { FleetParts } from '../../control/fleet-parts.js';

/** How the fleet and its hub do, in a few figures. */
export function FleetStrip({ page }: { page: FleetParts }) {
  const words = useWords(page);
  const overview = useSelected(page.store, (state) => state.overview);
  if (overview === null) return null;
  const { robots, broker, leader, alarms } = overview;
  const figures = [
    ['fleet.online', `${words.number(robots.online)} / ${words.number(robots.all)}`],
    ['fleet.state.flagged', words.number(robots.flagged)],
    ['fleet.state.quarantined', words.number(robots.quarantined)],
    ['fleet.state.withdrawn', words.number(robots.withdrawn)],
    ['fleet.leader', leader ?? words.say('fleet.noLeader')],
    ['fleet.broker', words.say(broker.connected ? 'fleet.connected' : 'fleet.notConnected')],
  ] as const;
  return (
    <>
      <ul class="alarms" id="alarms" role="alert" hidden={alarms.length === 0}>
        {alarms.map(({ name, code, message, remedy, sinceMs }) => (
          <li key={`${name} ${code}`} lang="en">
            <strong>{message}</strong>
            <p>{remedy}</p>
            <p class="hint">{`${code} · ${words.ago(sinceMs, Date.now())}`}</p>
          </li>
        ))}
      </ul>
      <dl class="card fleet-figures" id="fleet-figures">
        {figures.map(([key, value]) => (
          <div key={key}>
            <dt>{words.say(key)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
