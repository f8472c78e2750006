import type { Database } from '../../storage/database.js';
import { migrate } from '../../storage/migrate.js';

/** Never edit a released step; append a new one. */
export const SIGHTING_TABLES: readonly string[] = [
  // Without another index: each would be one more page of the card with every write.
  `
  CREATE TABLE sightings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task TEXT NOT NULL,
    label TEXT NOT NULL,
    frames INTEGER NOT NULL CHECK (frames > 0),
    max_probability REAL NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    accuracy_meters REAL,
    first_at_ms INTEGER NOT NULL,
    last_at_ms INTEGER NOT NULL
  ) STRICT;
  `,
];

/** A label that was seen in one cell of the grid during one pass. */
export interface Sighting {
  task: string;
  label: string;
  /** Number of frames, from 1. */
  frames: number;
  /** Of the most probable frame, 0..1. */
  maxProbability: number;
  /** Where the robot was at the most probable frame, degrees. */
  latitude: number;
  longitude: number;
  /** Null: not known. */
  accuracyMeters: number | null;
  /** Unix times of the first and last frame, milliseconds. */
  firstAtMs: number;
  lastAtMs: number;
}

/** A sighting, and its row; null: it has none yet. */
export interface SightingRow {
  id: number | null;
  sighting: Sighting;
}

const COLUMNS = `task, label, frames, max_probability AS maxProbability, latitude, longitude,
  accuracy_meters AS accuracyMeters, first_at_ms AS firstAtMs, last_at_ms AS lastAtMs`;

/** Where labels were seen, in a bounded table. Every method may throw HL_STORE_…. */
export class SightingTable {
  constructor(
    private readonly database: Database,
    private readonly maxRows: number,
  ) {
    database.whenOpened(() => migrate(database, 'sightings', SIGHTING_TABLES));
  }

  /**
   * Inserts or replaces rows in one transaction, sets their ids, and removes the oldest rows beyond
   * the limit.
   */
  write(rows: readonly SightingRow[]): void {
    const { database } = this;
    const insert = database.prepare(
      `INSERT INTO sightings (task, label, frames, max_probability, latitude, longitude,
         accuracy_meters, first_at_ms, last_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    const update = database.prepare(
      `UPDATE sightings SET frames = ?, max_probability = ?, latitude = ?, longitude = ?,
         accuracy_meters = ?, last_at_ms = ? WHERE id = ?`,
    );
    const ids = database.transaction(() => {
      const written = rows.map(({ id, sighting: s }) => {
        const { frames, maxProbability, latitude, longitude, accuracyMeters } = s;
        const seen = [frames, maxProbability, latitude, longitude, accuracyMeters];
        if (id === null) {
          return insert.run(s.task, s.label, ...seen, s.firstAtMs, s.lastAtMs).lastInsertRowid;
        }
        update.run(...seen, s.lastAtMs, id);
        return id;
      });
      database
        .prepare(
          'DELETE FROM sightings WHERE id <= (SELECT id FROM sightings ORDER BY id DESC LIMIT 1 OFFSET ?)',
        )
        .run(this.maxRows);
      return written;
    })();
    // Only now: a transaction that failed has written nothing.
    rows.forEach((row, index) => {
      row.id = ids[index] ?? null;
    });
  }

  /** Oldest first. @param filter.sinceMs Unix time, milliseconds: seen at or after it */
  list(filter: { task?: string; sinceMs?: number } = {}): Sighting[] {
    return this.database
      .prepare<Sighting>(
        `SELECT ${COLUMNS} FROM sightings
         WHERE (? IS NULL OR task = ?) AND last_at_ms >= ? ORDER BY id`,
      )
      .all(filter.task ?? null, filter.task ?? null, filter.sinceMs ?? Number.MIN_SAFE_INTEGER);
  }
}
