import type { FrameParts } from './frame-parts.js';
import { useWords } from './use-words.js';

/** A place that the page leads to. */
export interface NavPlace<Place extends string> {
  place: Place;
  name: string;
  href: string;
  /** Path of its icon in a square of 24 units. */
  icon: string;
  /** How much waits there; 0: no badge. `text` says it in words. */
  badge: { count: number; text: string };
}

/** The places: a bar at the bottom on phones, a rail at the side on desktops. */
export function NavBar<Place extends string>({
  page,
  places,
  current,
  go,
}: {
  page: FrameParts;
  places: readonly NavPlace<Place>[];
  current: Place;
  go: (place: Place) => void;
}) {
  const words = useWords(page);
  return (
    <nav class="places" aria-label={words.say('shell.places')}>
      {places.map(({ place, name, href, icon, badge: { count, text } }) => (
        <a
          key={place}
          id={`place-${place}`}
          href={href}
          aria-current={place === current ? 'page' : undefined}
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            go(place);
          }}
        >
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d={icon} />
          </svg>
          <span>{name}</span>
          {count > 0 && (
            <span class="count-badge" data-place={place}>
              <span aria-hidden="true">{count > 99 ? '99+' : count}</span>
              <span class="away">{text}</span>
            </span>
          )}
        </a>
      ))}
    </nav>
  );
}
