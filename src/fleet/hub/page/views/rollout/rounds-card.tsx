import { useWords } from '../../../../../page/views/use-words.js';
import type { TaskDetail } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';

/** Rounds: each merges the sums and lets robots judge heads that were made without them. */
export function RoundsCard({ page, task }: { page: FleetParts; task: TaskDetail }) {
  const words = useWords(page);
  return (
    <section class="card" aria-labelledby="rounds-title">
      <h3 id="rounds-title">{words.say('fleet.rounds')}</h3>
      {task.rounds.length === 0 && <p class="empty">{words.say('fleet.noRounds')}</p>}
      <ol class="lines-list">
        {task.rounds.map(
          ({
            round,
            startedAtMs,
            state,
            asked,
            answered,
            robots,
            samples,
            reason,
            headVersion,
          }) => (
            <li key={round}>
              <strong>{words.say('fleet.roundName', { round })}</strong>
              <span class="state" data-tone={state === 'failed' ? 'bad' : 'plain'}>
                {words.say(`fleet.round.${state}`)}
              </span>
              <span>{words.date(startedAtMs)}</span>
              <span>{words.say('fleet.roundAnswers', { answered, asked })}</span>
              <span>{words.say('fleet.roundMerged', { robots, samples })}</span>
              {headVersion !== null && (
                <span>{words.say('fleet.roundHead', { version: headVersion })}</span>
              )}
              {reason !== null && <span lang="en">{reason}</span>}
            </li>
          ),
        )}
      </ol>
    </section>
  );
}
