import type { ComponentType } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import { BrandMark } from '../../../../page/views/brand-mark.js';
import { ConfirmDialog } from '../../../../page/views/confirm-dialog.js';
import { LanguageChoice } from '../../../../page/views/language-choice.js';
import { LinkLight } from '../../../../page/views/link-light.js';
import { NavBar } from '../../../../page/views/nav-bar.js';
import { NoticeToast } from '../../../../page/views/notice-toast.js';
import { ThemeButton } from '../../../../page/views/theme-button.js';
import { TokenForm } from '../../../../page/views/token-form.js';
import { useSelected } from '../../../../page/views/use-selected.js';
import { useWords } from '../../../../page/views/use-words.js';
import type { FleetParts } from '../control/fleet-parts.js';
import { FLEET_PLACES, type FleetPlace } from '../control/fleet-state.js';
import { AuditPlace } from './audit-place.js';
import { ClassesPlace } from './classes/classes-place.js';
import { PeoplePlace } from './people-place.js';
import { RobotsPlace } from './robots/robots-place.js';
import { RolloutPlace } from './rollout/rollout-place.js';

const VIEWS: Readonly<Record<FleetPlace, ComponentType<{ page: FleetParts }>>> = {
  robots: RobotsPlace,
  rollout: RolloutPlace,
  classes: ClassesPlace,
  audit: AuditPlace,
  people: PeoplePlace,
};

const ICONS: Readonly<Record<FleetPlace, string>> = {
  robots: 'M5 8h14v11H5zM12 8V4M9 13h.01M15 13h.01M9.5 16h5M2 12v4M22 12v4',
  rollout: 'M4 19h4v-5h4v-5h4V4h4M16 4h4v4',
  classes: 'M4 4h7l9 9-7 7-9-9zM8 8h.01',
  audit: 'M6 3h12v18H6zM9 8h6M9 12h6M9 16h4',
  people:
    'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21v-2a5 5 0 0 1 5-5h4a5 5 0 0 1 5 5v2M16 4a4 4 0 0 1 0 7M19 14a5 5 0 0 1 3 5v2',
};

export function FleetView({ page }: { page: FleetParts }) {
  const words = useWords(page);
  const me = useSelected(page.store, (state) => state.me);
  const ready = useSelected(page.store, (state) => state.overview !== null && state.list !== null);
  const wanted = useSelected(page.store, (state) => state.place);
  // Only operators may see who has a token.
  const place = wanted === 'people' && me?.role !== 'operate' ? 'robots' : wanted;
  const PlaceView = VIEWS[place];
  return (
    <>
      <button class="skip" type="button" onClick={() => document.getElementById('main')?.focus()}>
        {words.say('shell.skip')}
      </button>
      <FleetHeader page={page} place={place} />
      <main hidden={me !== null}>
        <TokenForm
          page={page}
          title={words.say('shell.gateTitle')}
          help={words.say('shell.gateHelp')}
          open={(token) => page.session.open(token)}
        />
      </main>
      <div class="frame" hidden={me === null}>
        <FleetNav page={page} place={place} />
        <div class="content">
          <main id="main" tabIndex={-1} aria-busy={!ready} data-place={place}>
            <h2 class="away">{words.say(`fleet.place.${place}`)}</h2>
            {ready && <PlaceView page={page} />}
          </main>
        </div>
      </div>
      <ConfirmDialog page={page} />
      <NoticeToast page={page} />
    </>
  );
}

function FleetHeader({ page, place }: { page: FleetParts; place: FleetPlace }) {
  const words = useWords(page);
  const me = useSelected(page.store, (state) => state.me);
  const locked = useSelected(page.store, (state) => state.lock !== null);
  const title = [words.say(`fleet.place.${place}`), me?.fleet ?? null, 'headland']
    .filter((part) => part !== null)
    .join(' · ');
  useLayoutEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <header class="bar">
      <BrandMark />
      <div class="who">
        <h1 id="fleet">{me?.fleet ?? 'headland'}</h1>
        <p id="who-line">
          {me === null
            ? words.say(locked ? 'shell.locked' : 'shell.loading')
            : `${me.name} · ${words.say(`fleet.role.${me.role}`)}`}
        </p>
      </div>
      <LinkLight page={page} />
      <LanguageChoice page={page} />
      <ThemeButton page={page} />
      <button
        class="quiet square"
        id="leave"
        type="button"
        hidden={me === null}
        aria-label={words.say('fleet.leave')}
        title={words.say('fleet.leave')}
        onClick={() => page.session.leave()}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path class="outline" d="M10 4H5v16h5M14 8l4 4-4 4M18 12H9" />
        </svg>
      </button>
    </header>
  );
}

function FleetNav({ page, place }: { page: FleetParts; place: FleetPlace }) {
  const words = useWords(page);
  const role = useSelected(page.store, (state) => state.me?.role);
  const alarms = useSelected(page.store, (state) => state.overview?.alarms.length ?? 0);
  const places = FLEET_PLACES.filter((each) => each !== 'people' || role === 'operate').map(
    (each) => ({
      place: each,
      name: words.say(`fleet.place.${each}`),
      href: page.address.link(each),
      icon: ICONS[each],
      badge: {
        count: each === 'robots' ? alarms : 0,
        text: words.say('shell.alarms', { count: alarms }),
      },
    }),
  );
  return (
    <NavBar page={page} places={places} current={place} go={(each) => page.address.go(each)} />
  );
}
