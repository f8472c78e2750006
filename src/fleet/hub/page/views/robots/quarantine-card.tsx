import { useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { RobotDetail } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { useMayOperate } from '../task-choice.js';

/** Why a robot is flagged or in quarantine, and the orders about it. */
export function QuarantineCard({ page, detail }: { page: FleetParts; detail: RobotDetail }) {
  const words = useWords(page);
  const mayOperate = useMayOperate(page);
  const [reason, setReason] = useState('');
  const { robot, quarantine } = detail;
  if (quarantine === null && !mayOperate) return null;
  return (
    <section class="card" aria-labelledby="quarantine-title" id="quarantine">
      <header>
        <h3 id="quarantine-title">{words.say('fleet.quarantine')}</h3>
        {quarantine !== null && (
          <span class="state" data-tone="bad">
            {words.say(`fleet.state.${quarantine.state}`)}
          </span>
        )}
      </header>
      {quarantine !== null && (
        <>
          <p lang="en">{quarantine.reason}</p>
          <p class="hint">{`${quarantine.by} · ${words.date(quarantine.atMs)}`}</p>
          {quarantine.figures !== null && (
            <p>
              {words.say('fleet.quarantineFigures', {
                task: quarantine.figures.task,
                round: quarantine.figures.round,
                logLoss: lossText(quarantine.figures.logLoss, words),
                median: lossText(quarantine.figures.median, words),
                limit: lossText(quarantine.figures.limit, words),
              })}
            </p>
          )}
        </>
      )}
      {quarantine === null && <p>{words.say('fleet.quarantineHelp')}</p>}
      {mayOperate && (
        <div class="row wrap orders">
          {quarantine?.state !== 'quarantined' && (
            <form
              class="row wrap"
              onSubmit={(event) => {
                event.preventDefault();
                void page.orders.give(
                  '/api/quarantine',
                  { robot, reason },
                  {
                    title: 'fleet.quarantineTitle',
                    message: 'fleet.quarantineText',
                    yes: 'fleet.toQuarantine',
                    values: { name: robot },
                  },
                );
              }}
            >
              <input
                id="quarantine-reason"
                required
                maxLength={200}
                value={reason}
                autocomplete="off"
                aria-label={words.say('fleet.reason')}
                placeholder={words.say('fleet.reason')}
                onInput={({ currentTarget: { value } }) => setReason(value)}
              />
              <button type="submit" data-order="quarantine">
                {words.say('fleet.toQuarantine')}
              </button>
            </form>
          )}
          {quarantine !== null && (
            <button
              type="button"
              data-order="release"
              onClick={() =>
                void page.orders.give(
                  '/api/release',
                  { robot },
                  {
                    title: 'fleet.releaseTitle',
                    message: 'fleet.releaseText',
                    yes: 'fleet.release',
                    values: { name: robot },
                  },
                )
              }
            >
              {words.say('fleet.release')}
            </button>
          )}
        </div>
      )}
    </section>
  );
}

function lossText(value: number, words: FleetParts['words']): string {
  return words.number(value, { maximumFractionDigits: 3 });
}
