import { FLEET_PLACES, type FleetPlace, type FleetStore } from './fleet-state.js';

const PLACE = 'place';

/**
 * What the page shows, kept in the fragment of its address: the place and what it is narrowed to. It
 * survives a reload, can be bookmarked, and the browser's Back goes to the former place.
 */
export class FleetAddress {
  constructor(
    private readonly store: FleetStore,
    private readonly location: Location,
    private readonly history: History,
  ) {}

  /** Takes everything from the address. */
  restore(): void {
    const fragment = new URLSearchParams(this.location.hash.slice(1));
    const { [PLACE]: wanted, ...params } = Object.fromEntries(fragment);
    const place = FLEET_PLACES.find((each) => each === wanted) ?? 'robots';
    this.store.set({ place, params });
  }

  go(place: FleetPlace, params: Record<string, string> = {}): void {
    this.store.set({ place, params });
    this.history.pushState(null, '', this.link(place, params));
  }

  /** Narrows the open place differently, without a step for the browser's Back. @param parts null: removed */
  narrow(parts: Readonly<Record<string, string | null>>): void {
    const { place, params } = this.store.state;
    const all = Object.entries({ ...params, ...parts });
    const kept = Object.fromEntries(
      all.filter((entry): entry is [string, string] => entry[1] !== null && entry[1] !== ''),
    );
    this.store.set({ params: kept });
    this.history.replaceState(null, '', this.link(place, kept));
  }

  /** Link to a place, for elements that are links. */
  link(place: FleetPlace, params: Record<string, string> = {}): string {
    return `#${new URLSearchParams({ [PLACE]: place, ...params })}`;
  }
}
