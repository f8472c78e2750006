import type { Database } from './database.js';
import { migrate } from './migrate.js';
import { type SqlValue, whyUnstorable } from './values.js';

/**
 * The outbox, as steps of `migrate(database, 'outbox', OUTBOX_TABLES)`. Never edit a released step;
 * append a new one.
 */
export const OUTBOX_TABLES: readonly string[] = [
  // The table is older than schema versions: an existing one is kept with its messages.
  `
  CREATE TABLE IF NOT EXISTS telemetry_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    class TEXT NOT NULL,
    topic TEXT NOT NULL,
    retain INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    correlation BLOB,
    payload BLOB NOT NULL
  );
  CREATE INDEX IF NOT EXISTS telemetry_outbox_by_class ON telemetry_outbox (class, id);
  CREATE INDEX IF NOT EXISTS telemetry_outbox_by_age ON telemetry_outbox (created_at_ms);
  CREATE INDEX IF NOT EXISTS telemetry_outbox_by_expiry ON telemetry_outbox (expires_at_ms)
    WHERE expires_at_ms IS NOT NULL;
  `,
  // Earlier messages all had QoS 1. Adding a column rewrites no row, so this step also works with a
  // full outbox on a nearly full disk.
  'ALTER TABLE telemetry_outbox ADD COLUMN qos INTEGER NOT NULL DEFAULT 1 CHECK (qos IN (0, 1))',
  // Times were dates, and any date may be wrong. What waits now is as good as new.
  `
  ALTER TABLE telemetry_outbox RENAME COLUMN created_at_ms TO queued_at_ms;
  UPDATE telemetry_outbox SET expires_at_ms = expires_at_ms - queued_at_ms, queued_at_ms = 0;
  CREATE TABLE outbox_clock (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    clock_ms INTEGER NOT NULL,
    kernel_boot TEXT NOT NULL,
    uptime_ms INTEGER NOT NULL,
    dated_at_ms INTEGER,
    dated_clock_ms INTEGER,
    dated_kernel_boot TEXT
  ) STRICT;
  `,
  // One index that tells all that is asked of many messages: to keep three cost half of the time that a
  // message takes.
  `
  DROP INDEX IF EXISTS telemetry_outbox_by_class;
  DROP INDEX IF EXISTS telemetry_outbox_by_age;
  DROP INDEX IF EXISTS telemetry_outbox_by_expiry;
  CREATE INDEX telemetry_outbox_by_class
    ON telemetry_outbox (class, id, bytes, queued_at_ms, expires_at_ms);
  `,
  // Parts of one object, which a newer object replaces. Adding a column rewrites no row.
  'ALTER TABLE telemetry_outbox ADD COLUMN subject TEXT',
];

/** Each has rules of its own; from a full outbox metrics are removed before all others. */
export const OUTBOX_CLASSES = ['event', 'report', 'metrics', 'result', 'fleet'] as const;
export type OutboxClass = (typeof OUTBOX_CLASSES)[number];

export interface OutboxTotals {
  messages: number;
  bytes: number;
}

/** A message that must reach the broker at least once. */
export interface OutboxMessage {
  topic: string;
  payload: Uint8Array;
  qos: 0 | 1;
  retain: boolean;
  class: OutboxClass;
  /** Lifetime, seconds: an older message is not sent. With MQTT 5 it is passed to the broker. */
  expirySeconds?: number;
  /** MQTT 5 correlation data of the command that this message answers. */
  correlation?: Uint8Array;
  /** What the message is a part of, for {@link OutboxTable.ofSubject}; it is not sent. */
  subject?: string;
}

export interface StoredMessage extends OutboxMessage {
  id: number;
  /** By the clock of the outbox, milliseconds; see {@link SavedClock}. */
  queuedAtMs: number;
  expiresAtMs: number | null;
}

/** Where the clock stood by which messages age; its milliseconds count from its first start. */
export interface SavedClock {
  clockMs: number;
  /** Id of the boot of the kernel, and its uptime then. */
  kernelBoot: string;
  uptimeMs: number;
  /** The newest moment whose date (Unix time, milliseconds) could be trusted; null: none could. */
  dated: { dateMs: number; clockMs: number; kernelBoot: string } | null;
}

interface ClockRow {
  clockMs: number;
  kernelBoot: string;
  uptimeMs: number;
  datedAtMs: number | null;
  datedClockMs: number | null;
  datedKernelBoot: string | null;
}

interface Row {
  id: number;
  class: OutboxClass;
  topic: string;
  payload: Uint8Array;
  qos: 0 | 1;
  retain: number;
  correlation: Uint8Array | null;
  queued_at_ms: number;
  expires_at_ms: number | null;
}

/** Bounds of what is read ahead. */
const PAGE_MESSAGES = 32;
const PAGE_BYTES = 131_072;
/** Approximate cost of a row besides its texts: keys, index, page overhead. */
const ROW_OVERHEAD_BYTES = 128;

/** Bytes that a message counts towards the size limit of the outbox. */
export function sizeOf(message: OutboxMessage): number {
  const correlation = message.correlation?.byteLength ?? 0;
  return message.payload.byteLength + message.topic.length + correlation + ROW_OVERHEAD_BYTES;
}

/** Why the table cannot store the message unchanged, in words; null when it can. */
export function whyNotQueueable(message: OutboxMessage): string | null {
  for (const value of valuesOf(message, 0)) {
    const problem = whyUnstorable(value);
    if (problem !== null) return problem;
  }
  return null;
}

/** The SQL of the outbox. Every method throws HL_STORE_… as {@link Database} does. */
export class OutboxTable {
  readonly #database: Database;

  /** @throws HeadlandError HL_STORE_NEWER when the table comes from a later headland */
  constructor(database: Database) {
    this.#database = database;
    database.whenOpened(() => migrate(database, 'outbox', OUTBOX_TABLES));
  }

  /** Runs `work` as one durable transaction, or as part of the open one. */
  transaction(work: () => void): void {
    this.#database.transaction(work)();
  }

  insert(message: OutboxMessage, queuedAtMs: number): void {
    this.#database
      .prepare(
        `INSERT INTO telemetry_outbox
           (class, topic, payload, qos, retain, correlation, bytes, queued_at_ms, expires_at_ms, subject)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(...valuesOf(message, queuedAtMs));
  }

  delete(id: number): void {
    this.deleteRange(id, id);
  }

  /** Deletes all messages from one id to another. */
  deleteRange(first: number, last: number): void {
    this.#database
      .prepare('DELETE FROM telemetry_outbox WHERE id BETWEEN ? AND ?')
      .run(first, last);
  }

  /** The oldest messages with larger ids: at most {@link PAGE_MESSAGES}, and few of large ones. */
  after(id: number): StoredMessage[] {
    const [bound] = this.#database
      .prepare<{ first: number | null; last: number | null }>(
        `SELECT MIN(id) AS first, MAX(id) FILTER (WHERE total <= ${PAGE_BYTES}) AS last
         FROM (SELECT id, SUM(bytes) OVER (ORDER BY id) AS total
               FROM (SELECT id, bytes FROM telemetry_outbox WHERE id > ? ORDER BY id LIMIT ${PAGE_MESSAGES}))`,
      )
      .all(id);
    const last = bound?.last ?? bound?.first ?? null;
    if (last === null) return [];
    return this.#database
      .prepare<Row>('SELECT * FROM telemetry_outbox WHERE id > ? AND id <= ? ORDER BY id')
      .all(id, last)
      .map(toMessage);
  }

  get(id: number): StoredMessage | null {
    const row = this.#database.prepare<Row>('SELECT * FROM telemetry_outbox WHERE id = ?').get(id);
    return row ? toMessage(row) : null;
  }

  /** Messages of one class, or of all other classes, oldest first. */
  *oldest(which: { class: OutboxClass } | { not: OutboxClass }): Generator<Victim> {
    const [sql, name] = 'class' in which ? ['class = ?', which.class] : ['class <> ?', which.not];
    const next = this.#database.prepare<Victim>(
      `SELECT id, class, bytes, queued_at_ms AS queuedAtMs, expires_at_ms AS expiresAtMs
       FROM telemetry_outbox WHERE ${sql} AND id > ? ORDER BY id LIMIT 1`,
    );
    let after = 0;
    for (;;) {
      const victim = next.get(name, after);
      if (!victim) return;
      after = victim.id;
      yield victim;
    }
  }

  /** The messages of one subject, oldest first. */
  ofSubject(name: OutboxClass, subject: string): Victim[] {
    return this.#database
      .prepare<Victim>(
        `SELECT id, class, bytes, queued_at_ms AS queuedAtMs, expires_at_ms AS expiresAtMs
         FROM telemetry_outbox WHERE class = ? AND subject = ? ORDER BY id`,
      )
      .all(name, subject);
  }

  /** Reads the index alone: 0.1 s for a million messages. */
  totals(): Record<OutboxClass, OutboxTotals> {
    const totals = noTotals();
    const rows = this.#database
      .prepare<OutboxTotals & { class: OutboxClass }>(
        `SELECT class, COUNT(*) AS messages, SUM(bytes) AS bytes
         FROM telemetry_outbox INDEXED BY telemetry_outbox_by_class GROUP BY class`,
      )
      .all();
    for (const { class: name, messages, bytes } of rows) totals[name] = { messages, bytes };
    return totals;
  }

  /** When the oldest message was queued; null: there is none. */
  oldestQueuedAtMs(): number | null {
    const first = this.#database
      .prepare<{ oldest: number }>(
        // Ids and times have one order.
        'SELECT queued_at_ms AS oldest FROM telemetry_outbox ORDER BY id LIMIT 1',
      )
      .get();
    return first?.oldest ?? null;
  }

  /** Moves the times of messages queued at `sinceMs` or later. */
  moveTimes(sinceMs: number, byMs: number): void {
    this.#database
      .prepare(
        `UPDATE telemetry_outbox SET queued_at_ms = queued_at_ms + ?,
           expires_at_ms = expires_at_ms + ?
         WHERE id >= (SELECT MIN(id) FROM telemetry_outbox INDEXED BY telemetry_outbox_by_class
                      WHERE queued_at_ms >= ?)`,
      )
      .run(Math.round(byMs), Math.round(byMs), Math.floor(sinceMs));
  }

  /** Null: no clock has been saved yet. */
  savedClock(): SavedClock | null {
    const row = this.#database
      .prepare<ClockRow>(
        `SELECT clock_ms AS clockMs, kernel_boot AS kernelBoot, uptime_ms AS uptimeMs,
           dated_at_ms AS datedAtMs, dated_clock_ms AS datedClockMs,
           dated_kernel_boot AS datedKernelBoot FROM outbox_clock`,
      )
      .get();
    if (!row) return null;
    const { clockMs, kernelBoot, uptimeMs } = row;
    const { datedAtMs: dateMs, datedClockMs, datedKernelBoot } = row;
    const dated =
      dateMs === null || datedClockMs === null || datedKernelBoot === null
        ? null
        : { dateMs, clockMs: datedClockMs, kernelBoot: datedKernelBoot };
    return { clockMs, kernelBoot, uptimeMs, dated };
  }

  saveClock({ clockMs, kernelBoot, uptimeMs, dated }: SavedClock): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO outbox_clock VALUES (1, ?, ?, ?, ?, ?, ?)')
      .run(
        Math.round(clockMs),
        kernelBoot,
        Math.round(uptimeMs),
        dated === null ? null : Math.round(dated.dateMs),
        dated === null ? null : Math.round(dated.clockMs),
        dated?.kernelBoot ?? null,
      );
  }
}

export interface Victim {
  id: number;
  class: OutboxClass;
  bytes: number;
  queuedAtMs: number;
  expiresAtMs: number | null;
}

export function noTotals(): Record<OutboxClass, OutboxTotals> {
  const none = (): OutboxTotals => ({ messages: 0, bytes: 0 });
  return { event: none(), report: none(), metrics: none(), result: none(), fleet: none() };
}

/** In the order of the columns in {@link OutboxTable.insert}. */
function valuesOf(message: OutboxMessage, queuedAtMs: number): SqlValue[] {
  const { expirySeconds } = message;
  return [
    message.class,
    message.topic,
    message.payload,
    message.qos,
    Number(message.retain),
    message.correlation ?? null,
    sizeOf(message),
    Math.round(queuedAtMs),
    expirySeconds === undefined ? null : Math.round(queuedAtMs + expirySeconds * 1_000),
    message.subject ?? null,
  ];
}

function toMessage(row: Row): StoredMessage {
  return {
    id: row.id,
    class: row.class,
    topic: row.topic,
    payload: row.payload,
    qos: row.qos,
    retain: row.retain !== 0,
    ...(row.correlation === null ? {} : { correlation: row.correlation }),
    queuedAtMs: row.queued_at_ms,
    expiresAtMs: row.expires_at_ms,
  };
}
