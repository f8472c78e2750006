import { useWords } from '../../../../page/views/use-words.js';
import type { AuditEntry } from '../../../contract/hub-api.js';
import type { FleetParts } from '../control/fleet-parts.js';

/** What was done, by whom and when. */
export function EntryList({ page, entries }: { page: FleetParts; entries: readonly AuditEntry[] }) {
  const words = useWords(page);
  if (entries.length === 0) return <p class="empty">{words.say('fleet.noEntries')}</p>;
  return (
    <ol class="entries">
      {entries.map(({ id, atMs, by, action, robot, task, detail }) => (
        <li key={id}>
          <time dateTime={new Date(atMs).toISOString()}>{words.date(atMs)}</time>
          <strong>{by}</strong>
          <span>
            <code lang="en">{action}</code>
            {robot !== null && <a href={page.address.link('robots', { robot })}>{` ${robot}`}</a>}
            {task !== null && ` ${task}`}
            <small>{detailText(detail)}</small>
          </span>
        </li>
      ))}
    </ol>
  );
}

function detailText(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => ` ${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ·');
}
