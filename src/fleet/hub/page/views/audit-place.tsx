import { useState } from 'preact/hooks';
import { useSelected } from '../../../../page/views/use-selected.js';
import { useWords } from '../../../../page/views/use-words.js';
import type { AuditEntry } from '../../../contract/hub-api.js';
import type { FleetParts } from '../control/fleet-parts.js';
import { EntryList } from './entry-list.js';
import { useRead } from './use-read.js';

const PER_PAGE = 50;

/** Who did what, the newest first. */
export function AuditPlace({ page }: { page: FleetParts }) {
  const words = useWords(page);
  const robot = useSelected(page.store, (state) => state.params.robot) ?? null;
  const { answer, problem } = useRead(page, `audit ${robot}`, () =>
    page.hub.audit(null, PER_PAGE, robot),
  );
  const [older, setOlder] = useState<readonly AuditEntry[]>([]);
  const [ended, setEnded] = useState(false);
  const newest = answer?.entries ?? [];
  const oldestOfNewest = newest.at(-1)?.id ?? 0;
  // Newer entries push others beyond the first answer: those stand in both.
  const entries = [...newest, ...older.filter(({ id }) => id < oldestOfNewest)];
  const more = async () => {
    try {
      const next = await page.hub.audit(entries.at(-1)?.id ?? null, PER_PAGE, robot);
      setOlder([...entries, ...next.entries]);
      setEnded(next.entries.length < PER_PAGE);
    } catch (error) {
      page.notices.problem(error);
    }
  };
  return (
    <section class="card" aria-labelledby="audit-title">
      <header>
        <h3 id="audit-title">{words.say('fleet.auditTitle')}</h3>
        {robot !== null && <a href={page.address.link('audit')}>{words.say('fleet.allRobots')}</a>}
      </header>
      {problem !== null && <p class="problem">{problem}</p>}
      {answer !== null && <EntryList page={page} entries={entries} />}
      {newest.length >= PER_PAGE && !ended && (
        <button type="button" onClick={() => void more()}>
          {words.say('fleet.older')}
        </button>
      )}
    </section>
  );
}
