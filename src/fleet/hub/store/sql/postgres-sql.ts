import pg from 'pg';
import { codeOf, HeadlandError, messageOf } from '../../../../base/errors.js';
import { newerTables } from '../../../../storage/migrate.js';
import { hubTables } from './hub-tables.js';
import type { LeaderSeat, Sql, SqlCell, SqlDatabase } from './sql.js';

const MAX_CONNECTIONS = 8;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 120_000;
/** Of a transaction that met a deadlock or a serialisation failure. */
const ATTEMPTS = 4;
const AGAIN = ['40001', '40P01'];
/** Classes of errors that come again with the same values: data exceptions, and limits of the server. */
const OF_VALUES = ['22', '54'];
/** Keys of advisory locks: "headland" as a number, and what is locked. */
const LOCK_ROOM = 0x6865_6164;
const MIGRATION_LOCK = 1;
const LEADER_LOCK = 2;
const INT8 = 20;
const BYTEA = 17;
/** The server notices within these that the machine of a leader has gone. */
const KEEP_ALIVE =
  'SET tcp_keepalives_idle = 2; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3';

/** The store of a fleet: a database of PostgreSQL 13 or later. */
export class PostgresSql implements SqlDatabase {
  readonly dialect = 'postgresql';
  readonly #pool: pg.Pool;
  readonly #options: pg.ClientConfig;

  private constructor(options: pg.ClientConfig) {
    this.#options = options;
    this.#pool = new pg.Pool({ ...options, max: MAX_CONNECTIONS });
    // An idle connection that breaks is replaced; the next statement tells.
    this.#pool.on('error', () => undefined);
    // A server that stops can say so in the packet in which it gets ready, before anybody listens who asked for
    // the connection.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /**
   * Connects, and makes or updates the tables.
   * @param url postgres://…
   * @throws HeadlandError HL_FLEET_STORE_UNAVAILABLE, HL_STORE_NEWER
   */
  static async open(url: string, password: string | null = null): Promise<PostgresSql> {
    const types = {
      getTypeParser: (oid: number, format?: 'text' | 'binary') => {
        if (oid === INT8) return Number;
        return oid === BYTEA ? bytesOfHex : pg.types.getTypeParser(oid, format);
      },
    };
    const database = new PostgresSql({
      connectionString: password === null ? url : withPassword(url, password),
      types,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      application_name: 'headland-hub',
      keepAlive: true,
    });
    try {
      await database.transaction((sql) => migrateTables(sql));
    } catch (error) {
      await database.close();
      throw error;
    }
    return database;
  }

  async transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(work);
      } catch (error) {
        if (attempt < ATTEMPTS && AGAIN.includes(codeOf(error) ?? '')) continue;
        throw meantBy(error);
      }
    }
  }

  seat(): LeaderSeat {
    return new LockedSeat(() => new pg.Client(this.#options));
  }

  async close(): Promise<void> {
    await this.#pool.end().catch(() => undefined);
  }

  async #once<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    const onError = (error: Error): void => {
      broken = error;
    };
    client.on('error', onError);
    try {
      await client.query('BEGIN');
      const result = await work(statements(client));
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch((failed: Error) => {
        broken = failed;
      });
      throw error;
    } finally {
      client.off('error', onError);
      client.release(broken ?? false);
    }
  }
}

/** Beside an address pg ignores a password, also where the address has none. */
function withPassword(url: string, password: string): string {
  const address = new URL(url);
  address.searchParams.set('password', password);
  return address.href;
}

function statements(client: pg.ClientBase): Sql {
  const query = async (text: string, values: readonly SqlCell[]): Promise<pg.QueryResult> =>
    client.query(numbered(text), values.map(asBuffer));
  return {
    dialect: 'postgresql',
    forUpdate: ' FOR UPDATE',
    forShare: ' FOR SHARE',
    all: async <Row>(text: string, ...values: SqlCell[]) =>
      (await query(text, values)).rows as Row[],
    first: async <Row>(text: string, ...values: SqlCell[]) => {
      const [row] = (await query(text, values)).rows as Row[];
      return row ?? null;
    },
    run: async (text, ...values) => (await query(text, values)).rowCount ?? 0,
  };
}

const numberedTexts = (): ((text: string) => string) => {
  const known = new Map<string, string>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    let count = 0;
    const made = text.replaceAll('?', () => `$${++count}`);
    known.set(text, made);
    return made;
  };
};
/** `?` as `$1`, `$2` …: no statement of the hub has a question mark in a text. */
const numbered = numberedTexts();

function asBuffer(value: SqlCell): string | number | null | Buffer {
  if (!(value instanceof Uint8Array)) return value;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

async function migrateTables(sql: Sql): Promise<void> {
  await sql.all('SELECT pg_advisory_xact_lock(?, ?)', LOCK_ROOM, MIGRATION_LOCK);
  await sql.run(
    'CREATE TABLE IF NOT EXISTS schema_versions (room TEXT PRIMARY KEY, version BIGINT NOT NULL)',
  );
  const steps = hubTables('postgresql');
  const room = 'fleet-hub';
  const row = await sql.first<{ version: number }>(
    'SELECT version FROM schema_versions WHERE room = ?',
    room,
  );
  const version = row?.version ?? 0;
  if (version > steps.length) throw newerTables('PostgreSQL', room, version, steps.length);
  for (const step of steps.slice(version)) await sql.run(step);
  await sql.run('DELETE FROM schema_versions WHERE room = ?', room);
  await sql.run('INSERT INTO schema_versions (room, version) VALUES (?, ?)', room, steps.length);
}

/** In memory of their own: a Buffer may be part of a larger block. @param text \x and hexadecimal digits */
function bytesOfHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.slice(2), 'hex'));
}

/** What a failure of the database means; errors that are none of it stay as they are. */
function meantBy(error: unknown): unknown {
  if (error instanceof HeadlandError) return error;
  const code = codeOf(error);
  const ofServer = error instanceof pg.DatabaseError;
  // As on SQLite: the database is well, and whoever waits for it would wait for ever.
  if (ofServer && OF_VALUES.includes(code?.slice(0, 2) ?? '')) return error;
  const ofNetwork =
    (code !== null && /^E[A-Z]/.test(code)) ||
    /connection|timeout|Client was closed|terminat/i.test(messageOf(error));
  if (!ofServer && !ofNetwork) return error;
  return new HeadlandError(
    'HL_FLEET_STORE_UNAVAILABLE',
    `the database of the hub cannot be used: ${messageOf(error)}`,
    {
      remedy:
        'Start PostgreSQL, or correct the setting store of the hub; the hub tries again by itself.',
      details: { code },
      cause: error,
    },
  );
}

/** An advisory lock, which the server gives up with the session that holds it. */
class LockedSeat implements LeaderSeat {
  #client: pg.Client | null = null;
  #term: number | null = null;

  constructor(private readonly connect: () => pg.Client) {}

  async hold(replica: string): Promise<number | null> {
    try {
      const client = this.#client ?? (await this.#open());
      if (this.#term !== null) {
        // The lock lasts as long as the session: does it?
        await client.query('SELECT 1');
        return this.#term;
      }
      const { rows } = await client.query('SELECT pg_try_advisory_lock($1, $2) AS locked', [
        LOCK_ROOM,
        LEADER_LOCK,
      ]);
      if (rows[0]?.locked !== true) return null;
      this.#term = await nextTerm(client, replica);
      return this.#term;
    } catch (error) {
      await this.leave();
      throw meantBy(error);
    }
  }

  async leave(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    this.#term = null;
    await client?.end().catch(() => undefined);
  }

  async #open(): Promise<pg.Client> {
    const client = this.connect();
    client.on('error', () => void this.leave());
    await client.connect();
    this.#client = client;
    // Not for a unix socket.
    await client.query(KEEP_ALIVE).catch(() => undefined);
    return client;
  }
}

/** Transactions of the leader before it fail from now on: they look at the term. */
async function nextTerm(client: pg.Client, replica: string): Promise<number> {
  await client.query('BEGIN');
  const { rows } = await client.query('SELECT term FROM leader FOR UPDATE');
  const term = Number(rows[0]?.term ?? 0) + 1;
  await client.query('DELETE FROM leader');
  await client.query('INSERT INTO leader (holder, term, until_ms) VALUES ($1, $2, 0)', [
    replica,
    term,
  ]);
  await client.query('COMMIT');
  return term;
}
