import { isHeadlandError } from '../../../../base/errors.js';
import { type Database, openDatabase } from '../../../../storage/database.js';
import { migrate } from '../../../../storage/migrate.js';
import { hubTables } from './hub-tables.js';
import type { LeaderSeat, Sql, SqlDatabase } from './sql.js';

/** A hub that has not renewed its lease for so long leads no more. */
const LEASE_MS = 6_000;

/** The store of one farm: a SQLite file. All transactions of a process run one after another. */
export class SqliteSql implements SqlDatabase {
  readonly dialect = 'sqlite';
  readonly #database: Database;
  #last: Promise<unknown> = Promise.resolve();

  /** @throws HeadlandError HL_STORE_… */
  constructor(path: string) {
    this.#database = openDatabase(path);
    try {
      migrate(this.#database, 'fleet-hub', hubTables('sqlite'));
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#run(work));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  seat(): LeaderSeat {
    return new Lease(this);
  }

  async close(): Promise<void> {
    await this.#last;
    this.#database.close();
  }

  async #run<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const database = this.#database;
    database.exec('BEGIN IMMEDIATE');
    try {
      const result = await work(statements(database));
      database.exec('COMMIT');
      return result;
    } catch (error) {
      // On a full disk SQLite rolls back by itself.
      if (database.inTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }
}

function statements(database: Database): Sql {
  return {
    dialect: 'sqlite',
    forUpdate: '',
    forShare: '',
    all: async <Row>(text: string, ...values: Parameters<Sql['all']>[1][]) =>
      database.prepare<Row>(text).all(...values),
    first: async <Row>(text: string, ...values: Parameters<Sql['all']>[1][]) =>
      database.prepare<Row>(text).get(...values) ?? null,
    run: async (text, ...values) => database.prepare(text).run(...values).changes,
  };
}

class Lease implements LeaderSeat {
  #replica: string | null = null;

  constructor(private readonly database: SqliteSql) {}

  async hold(replica: string): Promise<number | null> {
    try {
      const term = await this.database.transaction((sql) => this.#renew(sql, replica));
      this.#replica = term === null ? null : replica;
      return term;
    } catch (error) {
      // A long write of another process: the lease lasts longer than one.
      if (isHeadlandError(error, 'HL_STORE_BUSY')) return null;
      throw error;
    }
  }

  async #renew(sql: Sql, replica: string): Promise<number | null> {
    const nowMs = Date.now();
    const row = await sql.first<{ holder: string; term: number; untilMs: number }>(
      'SELECT holder, term, until_ms AS "untilMs" FROM leader',
    );
    const isOurs = row?.holder === replica && this.#replica === replica;
    // A clock that was set back must not keep the seat taken for years.
    const isTaken = row !== null && nowMs < row.untilMs && row.untilMs <= nowMs + LEASE_MS;
    if (isTaken && !isOurs) return null;
    const term = isOurs ? row.term : (row?.term ?? 0) + 1;
    await sql.run('DELETE FROM leader');
    await sql.run(
      'INSERT INTO leader (holder, term, until_ms) VALUES (?, ?, ?)',
      replica,
      term,
      nowMs + LEASE_MS,
    );
    return term;
  }

  async leave(): Promise<void> {
    const replica = this.#replica;
    this.#replica = null;
    if (replica === null) return;
    await this.database
      .transaction((sql) => sql.run('UPDATE leader SET until_ms = 0 WHERE holder = ?', replica))
      .catch(() => undefined);
  }
}
