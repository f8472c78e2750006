import { useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { HoldState } from '../../../../contract/live-contract.js';
import type { PageParts } from '../../../control/page-parts.js';

/** Who holds the robot, why and until when; a person may end a hold. Nothing while nobody does. */
export function HoldCard({
  page,
  holds,
  nowMs,
}: {
  page: PageParts;
  holds: readonly HoldState[];
  nowMs: number;
}) {
  const words = useWords(page);
  const [busy, setBusy] = useState(false);
  if (holds.length === 0) return null;
  const release = async (holder: string) => {
    setBusy(true);
    try {
      await page.api.call('POST /api/release', { body: { holder } });
    } catch (error) {
      page.notices.problem(error);
    }
    setBusy(false);
  };
  return (
    <section class="card" id="holds">
      <h3>{words.say('robot.held')}</h3>
      <p class="hint">{words.say('robot.heldNote')}</p>
      <dl class="rows">
        {holds.map(({ holder, reason, endsAtMs }) => (
          <div key={holder}>
            <dt>{reason === null ? holder : `${holder}: ${reason}`}</dt>
            <dd>
              {words.say('robot.heldUntil', {
                // At most an hour away.
                time: words.date(endsAtMs, { timeStyle: 'short' }),
                left: words.duration(Math.max(0, endsAtMs - nowMs) / 1_000),
              })}{' '}
              <button
                type="button"
                title={words.say('robot.releaseNote', { holder })}
                disabled={busy}
                onClick={() => void release(holder)}
              >
                {words.say('robot.release')}
              </button>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
