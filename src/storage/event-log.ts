import { redactedJson } from '../base/redact.js';
import type { Database } from './database.js';
import { migrate } from './migrate.js';

/** Never edit a released step; append a new one. */
export const EVENT_TABLES: readonly string[] = [
  `
  CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_by_kind ON events (kind, sequence);
  `,
];

/** Something that has happened, for people. */
export interface LoggedEvent {
  /** Unix time, milliseconds. */
  atMs: number;
  kind: string;
  severity: 'info' | 'warning' | 'critical';
  /** Name of the sentence in a catalogue, and the values in it. */
  key: string;
  values: Record<string, string | number>;
  /** The sentence in English. */
  text: string;
}

export interface StoredEvent extends LoggedEvent {
  /** Ascending. */
  sequence: number;
}

export interface EventFilter {
  kind?: string | undefined;
  /** Events before this sequence: the next page. */
  before?: number | undefined;
  limit: number;
}

interface EventLimits {
  /** Of each kind; beyond it the oldest are removed. */
  maxOfKind: number;
  /** Of each kind between two writes: alerts may come many times a second. */
  maxWaitingOfKind: number;
}

/**
 * What has happened on a robot, also before a restart. Events are written together, for the sake of the
 * card: those of the last seconds are lost with the power.
 */
export class EventLog {
  #waiting: LoggedEvent[] = [];

  constructor(
    private readonly database: Database,
    private readonly limits: EventLimits = { maxOfKind: 500, maxWaitingOfKind: 50 },
  ) {
    database.whenOpened(() => migrate(database, 'events', EVENT_TABLES));
  }

  /** Waits for {@link flush}. */
  add(event: LoggedEvent): void {
    this.#waiting.push(event);
    const ofKind = this.#waiting.filter(({ kind }) => kind === event.kind);
    if (ofKind.length <= this.limits.maxWaitingOfKind) return;
    this.#waiting.splice(this.#waiting.indexOf(ofKind[0]!), 1);
  }

  /** Writes what waits; durable when it returns. @throws HeadlandError HL_STORE_…: it still waits */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const { database, limits } = this;
    const events = this.#waiting;
    database.transaction(() => {
      const insert = database.prepare(
        'INSERT INTO events (at_ms, kind, severity, body) VALUES (?, ?, ?, ?)',
      );
      for (const { atMs, kind, severity, ...body } of events) {
        insert.run(Math.round(atMs), kind, severity, redactedJson(body));
      }
      const trim = database.prepare(
        `DELETE FROM events WHERE kind = ? AND sequence <= (
           SELECT sequence FROM events WHERE kind = ? ORDER BY sequence DESC LIMIT 1 OFFSET ?)`,
      );
      for (const kind of new Set(events.map((event) => event.kind))) {
        trim.run(kind, kind, limits.maxOfKind);
      }
    })();
    this.#waiting = [];
  }

  /** Newest first, those that wait included. @throws HeadlandError HL_STORE_… */
  list({ kind, before, limit }: EventFilter): StoredEvent[] {
    this.flush();
    return this.database
      .prepare<Omit<StoredEvent, 'key' | 'values' | 'text'> & { body: string }>(
        `SELECT sequence, at_ms AS atMs, kind, severity, body FROM events
         WHERE sequence < ? AND (? IS NULL OR kind = ?) ORDER BY sequence DESC LIMIT ?`,
      )
      .all(before ?? Number.MAX_SAFE_INTEGER, kind ?? null, kind ?? null, limit)
      .map(({ body, ...event }) => {
        return { ...event, ...(JSON.parse(body) as Pick<LoggedEvent, 'key' | 'values' | 'text'>) };
      });
  }
}
