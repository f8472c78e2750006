import type { FrameState } from '../../../../page/state/frame-state.js';
import { Store } from '../../../../page/state/state-store.js';
import type { HubMe, HubOverview, RobotList } from '../../../contract/hub-api.js';
import { FLEET_ENGLISH, type FleetCatalogue } from '../words/fleet-catalogue.js';

/** The places of the page, in the order of its navigation. */
export const FLEET_PLACES = ['robots', 'rollout', 'classes', 'audit', 'people'] as const;
export type FleetPlace = (typeof FLEET_PLACES)[number];

export interface FleetState extends FrameState {
  place: FleetPlace;
  /** What the place is narrowed to, such as a robot or filters. */
  params: Readonly<Record<string, string>>;
  catalogue: FleetCatalogue;
  /** Changes when something was ordered, so that the places read again. */
  changes: number;
  /** Null before the login. */
  me: HubMe | null;
  overview: HubOverview | null;
  list: RobotList | null;
  /** When `list` was read, Unix milliseconds. */
  readAtMs: number;
}

export type FleetStore = Store<FleetState>;

export function newFleetStore(): FleetStore {
  return new Store<FleetState>({
    lock: null,
    link: 'connecting',
    language: 'en',
    notice: null,
    confirmation: null,
    theme: 'automatic',
    place: 'robots',
    params: {},
    catalogue: FLEET_ENGLISH,
    changes: 0,
    me: null,
    overview: null,
    list: null,
    readAtMs: 0,
  });
}
