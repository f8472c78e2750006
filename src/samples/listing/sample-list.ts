import { isHeadlandError } from '../../base/errors.js';
import {
  degreesOfLongitude,
  distanceMeters,
  METERS_PER_DEGREE,
  type Position,
} from '../../base/geo/position.js';
import type { Database } from '../../storage/database.js';
import type { SqlValue } from '../../storage/values.js';
import type { Sample, SampleState } from '../sample.js';
import {
  IS_WAITING,
  type SampleRow,
  SHARED_COLUMNS,
  STATE_COLUMN,
  toSample,
} from '../sample-rows.js';
import {
  type CaptureFacets,
  type LabelFacets,
  readCaptureFacets,
  readLabelFacets,
  type SampleFacets,
} from './sample-facets.js';

/** Which samples of a task; every field narrows the choice. */
export interface ListFilter {
  /** Default: every state but `trash`. */
  state?: SampleState | undefined;
  label?: string | undefined;
  /** Labelled samples inside (true) or outside the holdout. */
  holdout?: boolean | undefined;
  /** Name of a camera or region, or "import". */
  source?: string | undefined;
  /** Unix times of capture, milliseconds: from included, to excluded. */
  fromMs?: number | undefined;
  toMs?: number | undefined;
  place?: (Pick<Position, 'latitude' | 'longitude'> & { radiusMeters: number }) | undefined;
  ids?: readonly string[] | undefined;
}

export interface ListPart {
  /** By time of admission; default `newest` first. */
  order?: 'newest' | 'oldest' | undefined;
  /** Samples to pass over. */
  offset?: number | undefined;
  limit: number;
}

const MAX_TOTALS = 64;

/**
 * Lists all samples of a task, whatever their state. Counts are remembered until something changes, also by
 * another process.
 */
export class SampleList {
  readonly #totals = new Map<string, number>();
  #labelFacets: LabelFacets | null = null;
  /** By the offset of the days. */
  readonly #captureFacets = new Map<number, CaptureFacets>();
  #generation = '';
  #members = '';
  #isWatched = false;

  constructor(
    private readonly database: Database,
    private readonly task: string,
  ) {
    database.whenOpened(() => {
      // A stand-in takes no writes, not even into memory.
      this.#isWatched = database.standsInFor === null && canWatch(database);
      this.#generation = '';
    });
  }

  /** One part of the list and the length of the whole; never reads pictures. */
  page(filter: ListFilter, { order = 'newest', offset = 0, limit }: ListPart): ListedPart {
    const { table, where, values } = this.#query(filter);
    const direction = order === 'newest' ? 'DESC' : 'ASC';
    const state = table === 'trash' ? "'trash'" : STATE_COLUMN;
    const rows = this.database
      .prepare<SampleRow>(
        `SELECT s.id, ${state} AS state, t.label, t.label_source AS labelSource,
           t.labelled_at_ms AS labelledAtMs, coalesce(g.holdout, 0) AS holdout,
           coalesce(g.kept, 0) AS kept, ${SHARED_COLUMNS}
         FROM (SELECT t.sample_id AS id FROM ${table} t WHERE ${where}
             ORDER BY t.sample_id ${direction} LIMIT ? OFFSET ?) p
           JOIN ${table} t ON t.task = ? AND t.sample_id = p.id
           JOIN samples s ON s.id = p.id
           LEFT JOIN task_groups g ON g.task = t.task AND g.name = s.group_name
         ORDER BY p.id ${direction}`,
      )
      .all(...values, limit, offset, this.task);
    const isWhole = offset === 0 && rows.length < limit;
    return { total: isWhole ? rows.length : this.total(filter), samples: rows.map(toSample) };
  }

  /** Number of samples. */
  total(filter: ListFilter): number {
    this.#forgetChanged();
    const key = JSON.stringify(filter);
    const known = this.#totals.get(key);
    if (known !== undefined) return known;
    const { table, where, values } = this.#query(filter);
    const { total } = this.database
      .prepare<{ total: number }>(`SELECT count(*) AS total FROM ${table} t WHERE ${where}`)
      .get(...values)!;
    if (this.#totals.size >= MAX_TOTALS) this.#totals.clear();
    this.#totals.set(key, total);
    return total;
  }

  /** Ids of all samples, the oldest admission first. */
  ids(filter: ListFilter): string[] {
    const { table, where, values } = this.#query(filter);
    return this.database
      .prepare<{ id: string }>(
        `SELECT t.sample_id AS id FROM ${table} t WHERE ${where} ORDER BY t.sample_id`,
      )
      .all(...values)
      .map(({ id }) => id);
  }

  /** How many samples there are of what. @param offsetMinutes east of UTC, for the days */
  facets(offsetMinutes: number): SampleFacets {
    this.#forgetChanged();
    this.#labelFacets ??= readLabelFacets(this.database, this.task);
    let captures = this.#captureFacets.get(offsetMinutes);
    if (!captures) {
      captures = readCaptureFacets(this.database, this.task, offsetMinutes);
      // A page asks with one offset; others come from other time zones.
      if (this.#captureFacets.size >= 4) this.#captureFacets.clear();
      this.#captureFacets.set(offsetMinutes, captures);
    }
    return { ...this.#labelFacets, ...captures };
  }

  #forgetChanged(): void {
    if (!this.#isWatched) {
      this.#forget();
      this.#captureFacets.clear();
      return;
    }
    const [version] = this.database.pragma('data_version');
    const { changes, members } = this.database
      .prepare<{ changes: number; members: number }>(
        'SELECT changes, members FROM temp.sample_watch',
      )
      .get()!;
    const generation = `${version?.data_version} ${changes}`;
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#forget();
    const ofMembers = `${version?.data_version} ${members}`;
    if (ofMembers === this.#members) return;
    this.#members = ofMembers;
    this.#captureFacets.clear();
  }

  #forget(): void {
    this.#totals.clear();
    this.#labelFacets = null;
  }

  #query(filter: ListFilter): { table: string; where: string; values: SqlValue[] } {
    const { state, label, holdout, source, fromMs, toMs, place, ids } = filter;
    const table = state === 'trash' ? 'trash' : 'task_samples';
    const conditions: [sql: string, ...values: SqlValue[]][] = [['t.task = ?', this.task]];
    if (state === 'labelled') conditions.push(['t.label IS NOT NULL']);
    else if (state === 'waiting') conditions.push([IS_WAITING]);
    else if (state !== undefined && state !== 'trash') {
      conditions.push(['t.label IS NULL AND t.excluded = ?', state]);
    }
    if (label !== undefined) conditions.push(['t.label = ?', label]);
    if (holdout !== undefined) {
      conditions.push([
        `t.label IS NOT NULL AND t.sample_id ${holdout ? '' : 'NOT '}IN (
           SELECT s.id FROM task_groups g CROSS JOIN samples s ON s.group_name = g.name
           WHERE g.task = ? AND g.holdout = 1)`,
        this.task,
      ]);
    }
    if (source !== undefined) conditions.push(['t.source = ?', source]);
    if (fromMs !== undefined) conditions.push(['t.captured_at_ms >= ?', fromMs]);
    if (toMs !== undefined) conditions.push(['t.captured_at_ms < ?', toMs]);
    for (const chosen of [ids, place && this.#within(place)]) {
      if (!chosen) continue;
      conditions.push(['t.sample_id IN (SELECT value FROM json_each(?))', JSON.stringify(chosen)]);
    }
    return {
      table,
      where: conditions.map(([sql]) => sql).join(' AND '),
      values: conditions.flatMap(([, ...values]) => values),
    };
  }

  /** Ids of the samples within a circle, of whatever task. */
  #within({ latitude, longitude, radiusMeters }: NonNullable<ListFilter['place']>): string[] {
    const north = radiusMeters / METERS_PER_DEGREE;
    const east = degreesOfLongitude(radiusMeters, latitude);
    return this.database
      .prepare<{ id: string } & Pick<Position, 'latitude' | 'longitude'>>(
        `SELECT id, latitude, longitude FROM samples WHERE latitude BETWEEN ? AND ?
         AND (longitude BETWEEN ? AND ? OR longitude <= ? OR longitude >= ?)`,
      )
      .all(
        latitude - north,
        latitude + north,
        longitude - east,
        longitude + east,
        // Across the meridian where 180° east is 180° west.
        longitude + east - 360,
        longitude - east + 360,
      )
      .filter((place) => distanceMeters({ latitude, longitude }, place) <= radiusMeters)
      .map(({ id }) => id);
  }
}

export interface ListedPart {
  /** Length of the whole list. */
  total: number;
  samples: Sample[];
}

/**
 * Counts changes of this connection in a table of its own memory; those of others change `data_version`.
 */
function watchChanges(database: Database): void {
  const events = [
    ['task_samples', 'INSERT'],
    ['task_samples', 'UPDATE'],
    ['task_samples', 'DELETE'],
    ['task_groups', 'UPDATE'],
    ['trash', 'INSERT'],
    ['trash', 'DELETE'],
  ] as const;
  database.exec(`CREATE TEMP TABLE IF NOT EXISTS sample_watch
      (changes INTEGER NOT NULL, members INTEGER NOT NULL) STRICT;
    INSERT INTO sample_watch SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM sample_watch);
    ${events
      .map(
        ([table, event]) =>
          `CREATE TEMP TRIGGER IF NOT EXISTS ${table}_${event.toLowerCase()}_seen
           AFTER ${event} ON main.${table}
           BEGIN UPDATE sample_watch SET changes = changes + 1${
             event === 'UPDATE' ? '' : ', members = members + 1'
           }; END;`,
      )
      .join('\n')}`);
}

/** A file that cannot be written may refuse even what is temporary; nothing changes in it then. */
function canWatch(database: Database): boolean {
  try {
    watchChanges(database);
    return true;
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return false;
  }
}
