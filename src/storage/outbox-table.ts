import type Database from 'libsql';
import type { OutboxClass } from '../telemetry/contract.js';

/** A message that shall reach the broker at least once. */
export interface OutboxMessage {
  topic: string;
  payload: Uint8Array;
  qos: 1;
  retain: boolean;
  class: OutboxClass;
  /** Worthless after so many seconds: not sent any more, and the broker is told. */
  expirySeconds?: number;
  /** MQTT 5 correlation data of the command that this answers. */
  correlation?: Uint8Array;
}

export interface StoredMessage extends OutboxMessage {
  id: number;
  /** Unix time, milliseconds. */
  createdAtMs: number;
  expiresAtMs: number | null;
}

interface Row {
  id: number;
  class: OutboxClass;
  topic: string;
  payload: Buffer;
  retain: number;
  correlation: Buffer | null;
  created_at_ms: number;
  expires_at_ms: number | null;
}

/** What a row costs besides its texts: keys, index, page overhead, roughly. */
const ROW_OVERHEAD_BYTES = 128;

/** Before this the clock of a board without a battery has not been set. */
const CLOCK_IS_SET_MS = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;

/** Bytes that a message counts for in the bound of the outbox. */
export function sizeOf(message: OutboxMessage): number {
  const correlation = message.correlation?.byteLength ?? 0;
  return message.payload.byteLength + message.topic.length + correlation + ROW_OVERHEAD_BYTES;
}

/** The SQL of the outbox: one table of its own in whatever database it is given. */
export class OutboxTable {
  readonly #db: Database.Database;
  readonly #insert: Database.Statement;
  readonly #delete: Database.Statement;
  readonly #after: Database.Statement;
  readonly #byId: Database.Statement;

  constructor(db: Database.Database) {
    this.#db = db;
    db.exec(`
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
    `);
    this.#insert = db.prepare(
      `INSERT INTO telemetry_outbox
         (class, topic, payload, retain, correlation, bytes, created_at_ms, expires_at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#delete = db.prepare('DELETE FROM telemetry_outbox WHERE id = ?');
    this.#after = db.prepare('SELECT * FROM telemetry_outbox WHERE id > ? ORDER BY id LIMIT 1');
    this.#byId = db.prepare('SELECT * FROM telemetry_outbox WHERE id = ?');
  }

  /** Runs `work` as one durable transaction, joining one that is already open. */
  transaction(work: () => void): void {
    if (this.#db.inTransaction) {
      work();
      return;
    }
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  insert(message: OutboxMessage, createdAtMs: number): void {
    const expiresAtMs =
      message.expirySeconds === undefined ? null : createdAtMs + message.expirySeconds * 1_000;
    this.#insert.run(
      message.class,
      message.topic,
      Buffer.from(message.payload),
      message.retain ? 1 : 0,
      message.correlation ? Buffer.from(message.correlation) : null,
      sizeOf(message),
      Math.round(createdAtMs),
      expiresAtMs === null ? null : Math.round(expiresAtMs),
    );
  }

  delete(id: number): void {
    this.#delete.run(id);
  }

  /** The oldest message with a larger id. */
  after(id: number): StoredMessage | null {
    return toMessage(this.#after.get(id) as Row | undefined);
  }

  get(id: number): StoredMessage | null {
    return toMessage(this.#byId.get(id) as Row | undefined);
  }

  /** Oldest first: of the one class, or of all but it. */
  *oldest(which: { class: OutboxClass } | { not: OutboxClass }): Generator<Victim> {
    const [sql, name] = 'class' in which ? ['class = ?', which.class] : ['class <> ?', which.not];
    const next = this.#db.prepare(
      `SELECT id, class, bytes FROM telemetry_outbox WHERE ${sql} AND id > ? ORDER BY id LIMIT 1`,
    );
    let after = 0;
    for (;;) {
      const victim = next.get(name, after) as Victim | undefined;
      if (!victim) return;
      after = victim.id;
      yield { id: victim.id, class: victim.class, bytes: victim.bytes };
    }
  }

  /** At most `limit` messages created before `createdBeforeMs` or expired at `nowMs`. */
  outdated(createdBeforeMs: number, nowMs: number, limit: number): Victim[] {
    return this.#db
      .prepare(
        `SELECT id, class, bytes FROM telemetry_outbox
         WHERE created_at_ms < ? OR (expires_at_ms IS NOT NULL AND expires_at_ms <= ?) LIMIT ?`,
      )
      .all(Math.round(createdBeforeMs), Math.round(nowMs), limit) as Victim[];
  }

  totals(): { messages: number; bytes: number } {
    const row = this.#db
      .prepare(
        'SELECT COUNT(*) AS messages, COALESCE(SUM(bytes), 0) AS bytes FROM telemetry_outbox',
      )
      .get() as { messages: number; bytes: number };
    return { messages: row.messages, bytes: row.bytes };
  }

  /** Unix time of the oldest message, milliseconds; null when there is none. */
  oldestCreatedAtMs(): number | null {
    const row = this.#db
      .prepare('SELECT MIN(created_at_ms) AS oldest FROM telemetry_outbox')
      .get() as { oldest: number | null };
    return row.oldest;
  }

  /** Moves the times of all messages since `sinceMs`: the clock was wrong when they were written. */
  shiftTimes(sinceMs: number, byMs: number): void {
    this.#db
      .prepare(
        `UPDATE telemetry_outbox SET created_at_ms = created_at_ms + ?,
           expires_at_ms = expires_at_ms + ? WHERE created_at_ms >= ?`,
      )
      .run(Math.round(byMs), Math.round(byMs), Math.round(sinceMs));
  }

  /** Messages from a start whose clock was never set count as written now. */
  repairTimes(nowMs: number): void {
    if (nowMs < CLOCK_IS_SET_MS) return;
    this.#db
      .prepare(
        `UPDATE telemetry_outbox SET expires_at_ms = expires_at_ms - created_at_ms + ?,
           created_at_ms = ? WHERE created_at_ms < ? OR created_at_ms > ?`,
      )
      .run(Math.round(nowMs), Math.round(nowMs), CLOCK_IS_SET_MS, Math.round(nowMs) + DAY_MS);
  }
}

export interface Victim {
  id: number;
  class: OutboxClass;
  bytes: number;
}

function toMessage(row: Row | undefined): StoredMessage | null {
  if (!row) return null;
  return {
    id: row.id,
    class: row.class,
    topic: row.topic,
    payload: row.payload,
    qos: 1,
    retain: row.retain !== 0,
    ...(row.correlation === null ? {} : { correlation: row.correlation }),
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
  };
}
