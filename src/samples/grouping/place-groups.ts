import { distanceMeters, type Located, type Position } from '../../base/geo/position.js';
import type { PlacedSample } from '../shared-samples.js';

/** Track points kept in memory; each is at least half a radius from the one before. */
const MAX_TRACK_POINTS = 2_000;
/** Samples of this process of which the moment is known. */
const MAX_MOMENTS = 10_000;
/** The robot has left a place when it was this many radii away. */
const RADII_AWAY = 2;

/**
 * Groups frames by place across passes: a frame joins the group of the nearest sample of an earlier
 * pass, so that one plant seen twice is never on both sides of the holdout. A pass over a place ends
 * when the robot has left it, however long that takes; samples of the same pass are grouped by time,
 * or a whole row of overlapping frames would become one group. Where a position is less accurate than
 * the radius, or its accuracy is not known, time alone decides.
 */
export class PlaceGroups {
  readonly #track: Located[] = [];
  /** Monotonic time of capture by id of the sample. */
  readonly #moments = new Map<string, number>();

  /** @param near see `SampleStore.near` */
  constructor(
    private readonly radiusMeters: number,
    private readonly near: (position: Position, radiusMeters: number) => readonly PlacedSample[],
  ) {}

  /** The robot is here now. */
  moved(here: Located): void {
    const last = this.#track.at(-1);
    if (last && distanceMeters(last.position, here.position) < this.radiusMeters / 2) return;
    this.#track.push(here);
    if (this.#track.length > MAX_TRACK_POINTS) this.#track.shift();
  }

  /** Group of an earlier pass for a frame that was captured here; null: none. */
  groupFor({ position, atMs }: Located): string | null {
    if (position.accuracyMeters === null || position.accuracyMeters > this.radiusMeters)
      return null;
    const earlier = this.near(position, this.radiusMeters).find(({ id }) => {
      const storedMs = this.#moments.get(id);
      return storedMs === undefined || this.#hasLeft(position, storedMs, atMs);
    });
    return earlier?.group ?? null;
  }

  /** A sample was stored that was captured here. */
  stored(id: string, { atMs }: Located): void {
    this.#moments.set(id, atMs);
    const [oldest] = this.#moments.keys();
    if (this.#moments.size > MAX_MOMENTS && oldest !== undefined) this.#moments.delete(oldest);
  }

  /** Whether the robot was away from a place between two moments. */
  #hasLeft(place: Position, oneMs: number, otherMs: number): boolean {
    const [fromMs, toMs] = [Math.min(oneMs, otherMs), Math.max(oneMs, otherMs)];
    const awayMeters = RADII_AWAY * this.radiusMeters;
    return this.#track.some(
      ({ position, atMs }) =>
        atMs > fromMs && atMs < toMs && distanceMeters(position, place) > awayMeters,
    );
  }
}
