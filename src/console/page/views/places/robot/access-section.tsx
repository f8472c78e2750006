import { useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { AnswerOf } from '../../../../contract/contract.js';
import { useAnswer } from '../../use-answer.js';
import { useNow } from '../../use-now.js';
import type { PlaceProps } from '../place-props.js';

type Pairing = AnswerOf<'POST /api/pairing'>;

/** Which devices may open this page. */
export function AccessSection({ page }: PlaceProps) {
  const words = useWords(page);
  const nowMs = useNow(page.clock, 10_000);
  const { answer, reload } = useAnswer(page, 'GET /api/sessions', {});
  const [pairing, setPairing] = useState<Pairing | null>(null);
  const pair = async () => {
    try {
      setPairing(await page.api.call('POST /api/pairing', {}));
    } catch (error) {
      page.notices.problem(error);
    }
  };
  const revoke = async (id: string, own: boolean) => {
    const sure = await page.notices.ask({
      title: words.say('robot.revokeTitle'),
      message: words.say(own ? 'robot.revokeOwnText' : 'robot.revokeText'),
      yes: words.say('robot.revoke'),
    });
    if (!sure) return;
    try {
      await page.api.call('DELETE /api/sessions/{id}', { params: { id } });
    } catch (error) {
      page.notices.problem(error);
    }
    reload();
  };
  const sessions = answer?.sessions ?? [];
  return (
    <>
      <section class="card" aria-labelledby="pair-title">
        <header>
          <h3 id="pair-title">{words.say('robot.pairTitle')}</h3>
          <button class="primary" id="pair" type="button" onClick={() => void pair()}>
            {words.say('robot.pair')}
          </button>
        </header>
        <p>{words.say('robot.pairHelp')}</p>
        {pairing !== null && (
          <div class="pairing" role="status">
            {pairing.links.map((link) => (
              <code key={link}>{link}</code>
            ))}
            <p class="hint">
              {words.say('robot.pairUntil', {
                duration: words.duration(Math.max(1, (pairing.expiresAtMs - nowMs) / 1_000)),
              })}
            </p>
          </div>
        )}
      </section>
      <section class="card" aria-labelledby="sessions-title">
        <header>
          <h3 id="sessions-title">{words.say('robot.sessions')}</h3>
        </header>
        {sessions.length === 0 && <p class="empty">{words.say('robot.noSessions')}</p>}
        <ul class="lines" id="sessions">
          {sessions.map(({ id, device, lastSeenAtMs, expiresAtMs, own }) => (
            <li key={id}>
              <div>
                <strong>{device}</strong>{' '}
                {own && <span class="state">{words.say('robot.thisDevice')}</span>}
                <p class="hint">
                  {words.say('robot.lastSeen', {
                    ago: words.ago(lastSeenAtMs, nowMs),
                    until: words.date(expiresAtMs, { dateStyle: 'medium' }),
                  })}
                </p>
              </div>
              <button type="button" onClick={() => void revoke(id, own)}>
                {words.say('robot.revoke')}
              </button>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
