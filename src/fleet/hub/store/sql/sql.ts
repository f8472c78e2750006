/** The value of a column or parameter. Booleans are 0 and 1. */
export type SqlCell = string | number | null | Uint8Array;

/** Statements within one transaction. Parameters are `?` in both dialects. */
export interface Sql {
  readonly dialect: 'sqlite' | 'postgresql';
  /** All rows, in memory at once: bound the query where a table can grow. */
  all<Row>(text: string, ...values: SqlCell[]): Promise<Row[]>;
  /** @returns the first row; null: there is none */
  first<Row>(text: string, ...values: SqlCell[]): Promise<Row | null>;
  /** @returns number of rows written */
  run(text: string, ...values: SqlCell[]): Promise<number>;
  /** What a SELECT adds to keep other transactions from changing its rows: SQLite has one writer. */
  readonly forUpdate: '' | ' FOR UPDATE';
  /** As {@link forUpdate}, for rows that several transactions may hold at once. */
  readonly forShare: '' | ' FOR SHARE';
}

/** A place where one of several hubs leads. */
export interface LeaderSeat {
  /**
   * Takes the seat, or stays on it.
   * @returns the term of this hub, which grows with each change of the leader; null: another one leads
   * @throws HeadlandError HL_FLEET_STORE_UNAVAILABLE
   */
  hold(replica: string): Promise<number | null>;
  /** Gives the seat to others at once. Never throws. */
  leave(): Promise<void>;
}

/** The store of the hub: one SQLite file, or a database of PostgreSQL. */
export interface SqlDatabase {
  readonly dialect: Sql['dialect'];
  /**
   * Commits what `work` writes, or nothing when it throws. It may run twice: after a deadlock or a
   * serialisation failure.
   * @throws HeadlandError HL_FLEET_STORE_UNAVAILABLE, HL_STORE_…
   */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  seat(): LeaderSeat;
  close(): Promise<void>;
}
