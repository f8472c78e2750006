import type { PageParts } from '../control/page-parts.js';
import { PLACES, type Place } from '../control/page-state.js';
import { useSelected } from './use-selected.js';
import { useWords } from './use-words.js';

const ICONS: Readonly<Record<Place, string>> = {
  live: 'M3 7h4l2-3h6l2 3h4v13H3zM12 17a4 4 0 1 0 0-8 4 4 0 0 0 0 8z',
  teach: 'M4 5h16v11h-8l-5 4v-4H4zM9 9.5h6M9 12.5h4',
  pictures: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  brain: 'M4 19V5M4 19h16M7 15l4-5 3 3 5-7',
  robot: 'M5 8h14v11H5zM12 8V4M9 13h.01M15 13h.01M9.5 16h5M2 12v4M22 12v4',
};

/** The five places: a bar at the bottom on phones, a rail at the side on desktops. */
export function NavBar({ page }: { page: PageParts }) {
  const words = useWords(page);
  const place = useSelected(page.store, (state) => state.place);
  const waiting = useSelected(page.store, (state) => state.status?.samples.waiting ?? 0);
  const alarms = useSelected(page.store, (state) => state.status?.alarms.length ?? 0);
  const badges: Partial<Record<Place, [count: number, text: string]>> = {
    teach: [waiting, words.say('shell.waiting', { count: waiting })],
    robot: [alarms, words.say('shell.alarms', { count: alarms })],
  };
  return (
    <nav class="places" aria-label={words.say('shell.places')}>
      {PLACES.map((each) => {
        const [count, text] = badges[each] ?? [0, ''];
        return (
          <a
            key={each}
            id={`place-${each}`}
            href={page.address.link(each)}
            aria-current={each === place ? 'page' : undefined}
            onClick={(event) => {
              if (event.ctrlKey || event.metaKey || event.shiftKey) return;
              event.preventDefault();
              page.address.go(each);
            }}
          >
            <svg viewBox="0 0 24 24" aria-hidden="true">
              <path d={ICONS[each]} />
            </svg>
            <span>{words.say(`shell.${each}`)}</span>
            {count > 0 && (
              <span class="count-badge" data-place={each}>
                <span aria-hidden="true">{count > 99 ? '99+' : count}</span>
                <span class="away">{text}</span>
              </span>
            )}
          </a>
        );
      })}
    </nav>
  );
}
