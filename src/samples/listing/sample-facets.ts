import type { Database } from '../../storage/database.js';
import type { SampleState } from '../sample.js';

/** How many samples of a task there are of what; the trash counts only as a state. */
export type SampleFacets = LabelFacets & CaptureFacets;

/** What changes with every label. */
export interface LabelFacets {
  states: { state: SampleState; samples: number }[];
  /** By label. */
  classes: { label: string; training: number; holdout: number }[];
}

/** What changes with every sample that comes or goes. */
export interface CaptureFacets {
  /** By name. */
  sources: { source: string; samples: number }[];
  /** Days of capture, newest first; Unix times in milliseconds, `fromMs` included, `toMs` excluded. */
  days: { fromMs: number; toMs: number; samples: number }[];
  /** Where samples lie close together, most samples first. */
  places: { latitude: number; longitude: number; radiusMeters: number; samples: number }[];
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const MAX_PLACES = 100;
/** A cell is 111 m high, and at most as wide. */
const CELLS_PER_DEGREE = 1_000;
/** Reaches the corners of a cell. */
const CELL_RADIUS_METERS = 80;

export function readLabelFacets(database: Database, task: string): LabelFacets {
  const all = <Row>(sql: string): Row[] => database.prepare<Row>(sql).all(task);
  const counted = all<{ label: string; samples: number }>(
    `SELECT label, count(*) AS samples FROM task_samples
     WHERE task = ? AND label IS NOT NULL GROUP BY label ORDER BY label`,
  );
  const unlabelled = all<{ state: SampleState; samples: number }>(
    `SELECT coalesce(excluded, 'waiting') AS state, count(*) AS samples FROM task_samples
     WHERE task = ?1 AND label IS NULL GROUP BY excluded
     UNION ALL SELECT 'trash', count(*) FROM trash WHERE task = ?1`,
  );
  const labelled = counted.reduce((sum, { samples }) => sum + samples, 0);
  // In this order: there are far fewer held-out groups than labelled samples.
  const held = new Map(
    all<{ label: string; samples: number }>(
      `SELECT t.label, count(*) AS samples
       FROM task_groups g CROSS JOIN samples s ON s.group_name = g.name
         CROSS JOIN task_samples t ON t.task = g.task AND t.sample_id = s.id
       WHERE g.task = ? AND g.holdout = 1 AND t.label IS NOT NULL GROUP BY t.label`,
    ).map(({ label, samples }) => [label, samples]),
  );
  return {
    states: [{ state: 'labelled' as const, samples: labelled }, ...unlabelled].filter(
      ({ samples }) => samples > 0,
    ),
    classes: counted.map(({ label, samples }) => {
      const holdout = held.get(label) ?? 0;
      return { label, training: samples - holdout, holdout };
    }),
  };
}

/** @param offsetMinutes east of UTC, for the days */
export function readCaptureFacets(
  database: Database,
  task: string,
  offsetMinutes: number,
): CaptureFacets {
  const offsetMs = offsetMinutes * MINUTE_MS;
  const all = <Row>(sql: string, ...values: (string | number)[]): Row[] =>
    database.prepare<Row>(sql).all(...values);
  const days = all<{ day: number; samples: number }>(
    `SELECT CAST(floor((captured_at_ms + ?) / ${DAY_MS}.0) AS INTEGER) AS day,
       count(*) AS samples FROM task_samples WHERE task = ? GROUP BY 1 ORDER BY 1 DESC`,
    offsetMs,
    task,
  );
  return {
    sources: all(
      `SELECT source, count(*) AS samples FROM task_samples
       WHERE task = ? GROUP BY source ORDER BY source`,
      task,
    ),
    days: days.map(({ day, samples }) => {
      const fromMs = day * DAY_MS - offsetMs;
      return { fromMs, toMs: fromMs + DAY_MS, samples };
    }),
    places: all<{ latitude: number; longitude: number; samples: number }>(
      `SELECT avg(s.latitude) AS latitude, avg(s.longitude) AS longitude, count(*) AS samples
       FROM samples s JOIN task_samples t ON t.task = ? AND t.sample_id = s.id
       WHERE s.latitude IS NOT NULL
       GROUP BY CAST(s.latitude * ${CELLS_PER_DEGREE} AS INTEGER),
         CAST(s.longitude * ${CELLS_PER_DEGREE} AS INTEGER)
       ORDER BY samples DESC LIMIT ${MAX_PLACES}`,
      task,
    ).map((place) => ({ ...place, radiusMeters: CELL_RADIUS_METERS })),
  };
}
