import { NavBar } from '../../../page/views/nav-bar.js';
import { useSelected } from '../../../page/views/use-selected.js';
import { useWords } from '../../../page/views/use-words.js';
import type { PageParts } from '../control/page-parts.js';
import { PLACES, type Place } from '../control/page-state.js';

const ICONS: Readonly<Record<Place, string>> = {
  live: 'M3 7h4l2-3h6l2 3h4v13H3zM12 17a4 4 0 1 0 0-8 4 4 0 0 0 0 8z',
  teach: 'M4 5h16v11h-8l-5 4v-4H4zM9 9.5h6M9 12.5h4',
  pictures: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  brain: 'M4 19V5M4 19h16M7 15l4-5 3 3 5-7',
  robot: 'M5 8h14v11H5zM12 8V4M9 13h.01M15 13h.01M9.5 16h5M2 12v4M22 12v4',
};

/** The five places of the console. */
export function PlaceBar({ page }: { page: PageParts }) {
  const words = useWords(page);
  const place = useSelected(page.store, (state) => state.place);
  const waiting = useSelected(page.store, (state) => state.status?.samples.waiting ?? 0);
  const alarms = useSelected(page.store, (state) => state.status?.alarms.length ?? 0);
  const badges: Partial<Record<Place, { count: number; text: string }>> = {
    teach: { count: waiting, text: words.say('shell.waiting', { count: waiting }) },
    robot: { count: alarms, text: words.say('shell.alarms', { count: alarms }) },
  };
  const places = PLACES.map((each) => ({
    place: each,
    name: words.say(`shell.${each}`),
    href: page.address.link(each),
    icon: ICONS[each],
    badge: badges[each] ?? { count: 0, text: '' },
  }));
  return (
    <NavBar page={page} places={places} current={place} go={(each) => page.address.go(each)} />
  );
}
