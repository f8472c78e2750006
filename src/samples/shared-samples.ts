import {
  degreesOfLongitude,
  distanceMeters,
  METERS_PER_DEGREE,
  type Position,
} from '../base/geo/position.js';
import type { Database } from '../storage/database.js';
import { migrate } from '../storage/migrate.js';
import { NearDuplicates } from './near-duplicates.js';
import { SAMPLE_TABLES } from './tables.js';
import { createIds } from './uuid.js';

export interface SharedSampleOptions {
  /** See `SampleStoreOptions`. */
  nearDuplicateBits?: number;
  /** Unix time, milliseconds. */
  now?: () => number;
}

/** A sample with a position, of whatever task. */
export interface PlacedSample {
  id: string;
  group: string;
  /** Unix time, milliseconds. */
  capturedAtMs: number;
  distanceMeters: number;
}

/** What the stores of all tasks over one connection share: the tables, the ids and the pictures. */
export class SharedSamples {
  /** Null: only identical files are duplicates. */
  readonly nearDuplicates: NearDuplicates | null;
  /** How often the file was opened: what was remembered of an earlier one may not be true of this one. */
  openings = 0;
  private ids: () => string;

  constructor(
    private readonly database: Database,
    { nearDuplicateBits = 0, now = Date.now }: SharedSampleOptions,
  ) {
    this.ids = createIds(null, now);
    database.whenOpened(() => {
      migrate(database, 'samples', SAMPLE_TABLES);
      this.openings += 1;
      const { last } = database
        .prepare<{ last: string | null }>('SELECT max(id) AS last FROM samples')
        .get()!;
      this.ids = createIds(last, now);
    });
    this.nearDuplicates =
      nearDuplicateBits > 0 ? new NearDuplicates(database, nearDuplicateBits) : null;
  }

  /** The id of a new sample; sorts after all others. */
  nextId(): string {
    return this.ids();
  }

  /** Id of the sample with exactly these picture bytes, for whatever task. @param sha256 hex */
  findPicture(sha256: string): string | null {
    return (
      this.database
        .prepare<{ id: string }>('SELECT id FROM samples WHERE picture_sha256 = ?')
        .get(sha256)?.id ?? null
    );
  }

  /** Group of a sample of any task; null for an unknown id. */
  groupOf(id: string): string | null {
    return (
      this.database
        .prepare<{ name: string }>('SELECT group_name AS name FROM samples WHERE id = ?')
        .get(id)?.name ?? null
    );
  }

  /**
   * Samples within a radius of a position, of whatever task, nearest first; then the oldest. Those
   * with a position that is less accurate than the radius, and what the user keeps out of training,
   * are left out.
   */
  near(position: Position, radiusMeters: number): PlacedSample[] {
    const { latitude, longitude } = position;
    const degrees = radiusMeters / METERS_PER_DEGREE;
    const eastWest = degreesOfLongitude(radiusMeters, latitude);
    const rows = this.database
      .prepare<Omit<PlacedSample, 'distanceMeters'> & Pick<Position, 'latitude' | 'longitude'>>(
        `SELECT id, group_name AS "group", captured_at_ms AS capturedAtMs, latitude, longitude
         FROM samples WHERE latitude BETWEEN ? AND ?
         AND (longitude BETWEEN ? AND ? OR longitude <= ? OR longitude >= ?)
         AND accuracy_meters <= ?
         AND group_name NOT IN (SELECT name FROM task_groups WHERE kept = 1)
         ORDER BY id`,
      )
      .all(
        latitude - degrees,
        latitude + degrees,
        longitude - eastWest,
        longitude + eastWest,
        // Across the meridian where 180° east is 180° west.
        longitude + eastWest - 360,
        longitude - eastWest + 360,
        radiusMeters,
      );
    return rows
      .map(({ id, group, capturedAtMs, ...place }) => {
        return { id, group, capturedAtMs, distanceMeters: distanceMeters(position, place) };
      })
      .filter((each) => each.distanceMeters <= radiusMeters)
      .sort((a, b) => a.distanceMeters - b.distanceMeters);
  }

  /** Whether a sample has a label, for whatever task. */
  isLabelled(id: string): boolean {
    return (
      this.database
        .prepare<{ id: string }>(
          `SELECT sample_id AS id FROM task_samples
           WHERE sample_id = ? AND label IS NOT NULL LIMIT 1`,
        )
        .get(id) !== undefined
    );
  }
}
