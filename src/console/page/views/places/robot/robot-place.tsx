import type { ComponentType } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { WordKey } from '../../../words/catalogue/catalogue.js';
import type { PlaceProps } from '../place-props.js';
import { AccessSection } from './access-section.js';
import { AlertsSection } from './alerts-section.js';
import { CamerasSection } from './cameras-section.js';
import { DoctorSection } from './doctor-section.js';
import { HealthSection } from './health-section.js';
import { HistorySection } from './history-section.js';
import { SettingsSection } from './settings-section.js';

const SECTIONS = [
  'health',
  'doctor',
  'history',
  'cameras',
  'alerts',
  'settings',
  'access',
] as const;
type Section = (typeof SECTIONS)[number];

const VIEWS: Readonly<Record<Section, ComponentType<PlaceProps>>> = {
  health: HealthSection,
  doctor: DoctorSection,
  history: HistorySection,
  cameras: CamerasSection,
  alerts: AlertsSection,
  settings: SettingsSection,
  access: AccessSection,
};

/** Health, settings and devices of the robot, one section at a time. */
export function RobotPlace({ page, status }: PlaceProps) {
  const words = useWords(page);
  const wanted = useSelected(page.store, (state) => state.params.section);
  const section = SECTIONS.find((each) => each === wanted) ?? 'health';
  const Section = VIEWS[section];
  const current = useRef<HTMLAnchorElement>(null);
  useLayoutEffect(() => {
    current.current?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [section]);
  return (
    <div class="robot">
      <nav class="sections" aria-label={words.say('robot.sections')}>
        {SECTIONS.map((each) => (
          <a
            key={each}
            {...(each === section ? { ref: current } : {})}
            href={page.address.link('robot', { section: each })}
            aria-current={each === section ? 'page' : undefined}
            onClick={(event) => {
              if (event.ctrlKey || event.metaKey || event.shiftKey) return;
              event.preventDefault();
              page.address.go('robot', { section: each });
            }}
          >
            {words.say(`robot.${each}` satisfies WordKey)}
          </a>
        ))}
      </nav>
      <Section page={page} status={status} />
    </div>
  );
}
