import { useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { PageParts } from '../../../control/page-parts.js';
import { useAnswer } from '../../use-answer.js';

/** What the labels before the last training have changed, until the person has seen it. */
export function ChangesCard({ page }: { page: PageParts }) {
  const words = useWords(page);
  const { answer } = useAnswer(page, 'GET /api/teach/changes', {});
  const [seen, setSeen] = useState<string | null>(null);
  const trainingId = answer?.trainingId ?? null;
  const messages = answer?.messages ?? [];
  if (trainingId === null || trainingId === seen || messages.length === 0) return null;
  return (
    <section class="card changes" id="changes" aria-labelledby="changes-title">
      <header>
        <h3 id="changes-title">{words.say('teach.changes')}</h3>
        <button
          type="button"
          class="quiet square"
          aria-label={words.say('shell.close')}
          onClick={() => setSeen(trainingId)}
        >
          <span aria-hidden="true">✕</span>
        </button>
      </header>
      <ul>
        {messages.map((message) => (
          <li key={`${message.key} ${message.text}`}>{words.message(message)}</li>
        ))}
      </ul>
      <a href={page.address.link('brain')}>{words.say('teach.seeVerdict')}</a>
    </section>
  );
}
