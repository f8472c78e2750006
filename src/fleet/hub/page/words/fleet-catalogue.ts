import { frameEn } from '../../../../page/words/frame/frame.en.js';
import type { Entry } from '../../../../page/words/language.js';
import { fleetEn } from './catalogue/fleet.en.js';

/** The English texts; every other catalogue has the same keys. */
export const FLEET_ENGLISH = {
  ...frameEn,
  ...fleetEn,
} as const satisfies Record<string, Entry>;

export type FleetWordKey = keyof typeof FLEET_ENGLISH;
export type FleetCatalogue = Readonly<Record<FleetWordKey, Entry>>;
