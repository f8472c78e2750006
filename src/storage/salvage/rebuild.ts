import type { Database } from '../database.js';
import type { SqlValue } from '../values.js';
import { DatabasePages } from './database-pages.js';
import { type SchemaEntry, StoredSchema } from './schema-rows.js';
import { type StoredRow, type TreeDamage, Trees } from './trees.js';

/** What has become of one table. */
export interface TableSalvage {
  table: string;
  /** Rows in the new file. */
  rows: number;
  /** Of these, rows from a backup. */
  filled: number;
  /** Pages and rows of the damaged file that cannot be read. */
  damagedPages: number;
  damagedRows: number;
}

/** The tables of this headland, in its newest version. */
export interface NewestSchema {
  entries: readonly SchemaEntry[];
  /** Version of the tables, by room. */
  versions: ReadonlyMap<string, number>;
}

/** A file whose rows are taken. */
export interface RowSource {
  path: string;
  /** `damaged`: only of tables of which the sources before it have lost something. */
  take: 'all' | 'damaged';
  isBackup: boolean;
}

export interface RebuildPlan {
  /** In their order: of two rows with the same key the first is kept. */
  sources: readonly RowSource[];
  schema: NewestSchema;
  /** Tables that triggers fill. */
  derived: ReadonlySet<string>;
  /** Tables whose rows are never taken from a backup. */
  notFromBackups: ReadonlySet<string>;
  /** Tables that are copied last, and others in any order. */
  last: readonly string[];
  /** Whether the content of a row is whole. */
  accepts(database: Database, table: string, row: Record<string, SqlValue>): boolean;
  /** Mends what the rows of several tables tell together, before there are triggers. */
  mend(database: Database, files: readonly StoredSchema[], tables: readonly TableSalvage[]): void;
  /** Fills the derived tables. */
  recount(database: Database): void;
}

interface OpenSource extends RowSource {
  pages: DatabasePages;
  schema: StoredSchema;
  trees: Trees;
}

interface Column {
  name: string;
  type: string;
  notNull: boolean;
  /** Rows from before it was added do not have it. */
  maybeAbsent: boolean;
}

interface TableShape {
  name: string;
  /** In the order in which a row stores them. */
  columns: Column[];
  /** The column whose value is the row id; null: there is none. */
  rowidColumn: string | null;
  hasRowids: boolean;
}

const BATCH_ROWS = 2_000;

/**
 * Copies everything that can be read from damaged files into an empty database, table by table and row
 * by row, around the damage. The files are read without SQLite and never changed.
 */
export function rebuild(database: Database, plan: RebuildPlan): TableSalvage[] {
  const sources = plan.sources.map(openSource);
  try {
    return new Rebuilding(database, plan, sources).run();
  } finally {
    for (const { pages } of sources) pages.close();
  }
}

function openSource(source: RowSource): OpenSource {
  const pages = new DatabasePages(source.path);
  return { ...source, pages, schema: new StoredSchema(pages), trees: new Trees(pages) };
}

class Rebuilding {
  readonly #shapes = new Map<string, TableShape>();
  readonly #salvaged = new Map<string, TableSalvage>();

  constructor(
    private readonly database: Database,
    private readonly plan: RebuildPlan,
    private readonly sources: readonly OpenSource[],
  ) {}

  run(): TableSalvage[] {
    const { database, plan } = this;
    const entries = this.#entries();
    database.exec('PRAGMA foreign_keys = OFF');
    for (const entry of entries) if (entry.type === 'table') this.#makeTable(entry);
    for (const source of this.sources) this.#copy(source);
    const tables = [...this.#salvaged.values()];
    const makeAll = (kind: string): void => {
      for (const entry of entries) if (entry.type === kind) this.#make(entry);
    };
    makeAll('index');
    database.transaction(() => {
      const files = this.sources.map(({ schema }) => schema);
      plan.mend(database, files, tables);
    })();
    makeAll('view');
    makeAll('trigger');
    database.transaction(() => plan.recount(database))();
    for (const salvage of tables) salvage.rows = this.#count(salvage.table);
    return tables;
  }

  /** Those of the newest headland, unless the first file is of an older one. */
  #entries(): SchemaEntry[] {
    const { schema } = this.plan;
    const stored = this.sources[0]?.schema;
    const older = stored !== undefined && !stored.isDamaged && isOlder(stored, schema);
    const chosen = older ? stored.entries : schema.entries;
    const names = new Set(chosen.map(({ name }) => name));
    const own = new Set(schema.entries.map(({ name }) => name));
    const foreign = (stored?.entries ?? []).filter(
      ({ name, table }) => !names.has(name) && !own.has(name) && !own.has(table),
    );
    return [...chosen, ...foreign].filter(
      ({ name, sql }) => sql !== null && !name.startsWith('sqlite_'),
    );
  }

  #makeTable(entry: SchemaEntry): void {
    if (!this.#make(entry)) return;
    const { name } = entry;
    this.#shapes.set(name, shapeOf(this.database, name));
    const none = { rows: 0, filled: 0, damagedPages: 0, damagedRows: 0 };
    this.#salvaged.set(name, { table: name, ...none });
  }

  #make({ sql, name }: SchemaEntry): boolean {
    try {
      this.database.exec(sql ?? '');
      return true;
    } catch (error) {
      // What headland itself needs must succeed; of others the text may be damaged.
      if (this.plan.schema.entries.some((entry) => entry.name === name)) throw error;
      return false;
    }
  }

  #copy(source: OpenSource): void {
    const { last, derived } = this.plan;
    const names = [...this.#shapes.keys()].filter((name) => !derived.has(name));
    const ordered = [...names].sort((one, other) => last.indexOf(one) - last.indexOf(other));
    const damaged: string[] = [];
    for (const name of ordered) {
      if (this.#wants(source, name) && this.#copyTable(source, name)) damaged.push(name);
    }
    if (damaged.length > 0) this.#copyLostLeaves(source, damaged);
    this.#raiseSequences(source);
  }

  #wants(source: OpenSource, name: string): boolean {
    const { take } = source;
    if (this.#isBehind(source) && this.plan.notFromBackups.has(name)) return false;
    const salvage = this.#salvaged.get(name);
    if (take === 'all' || salvage === undefined) return true;
    return salvage.damagedPages + salvage.damagedRows > 0;
  }

  /** It fills what another file has lost. */
  #isBehind(source: OpenSource): boolean {
    return source.isBackup && source !== this.sources[0];
  }

  /** @returns whether whole pages are missing */
  #copyTable(source: OpenSource, name: string): boolean {
    const shape = this.#shapes.get(name)!;
    const salvage = this.#salvaged.get(name)!;
    const root = source.schema.rootOf(name);
    const damage: TreeDamage = { pages: 0, rows: 0 };
    if (root === null) {
      // A table that the file never had is not damaged.
      if (!source.isBackup && (source.schema.isDamaged || source.schema.entries.length === 0)) {
        damage.pages += 1;
      }
    } else {
      const { added, refused } = this.#insert(shape, source.trees.rows(root, damage));
      damage.rows += refused;
      if (source.isBackup) salvage.filled += added;
    }
    if (!source.isBackup) {
      salvage.damagedPages += damage.pages;
      salvage.damagedRows += damage.rows;
    }
    return damage.pages > 0;
  }

  /** Rows whose table is known by their shape alone. */
  #copyLostLeaves(source: OpenSource, names: readonly string[]): void {
    const { schema, trees } = source;
    for (const { type, name, root } of schema.entries) {
      // Entries of an index may look like the rows of a table.
      const skipped = type === 'index' || !this.#shapes.has(name) || this.plan.derived.has(name);
      if (root > 0 && skipped) for (const _ of trees.rows(root, { pages: 0, rows: 0 }));
    }
    const candidates = names.map((name) => this.#shapes.get(name)!).filter(isDistinct);
    for (const { hasRowids, rows } of trees.lostLeaves()) {
      const shape = shapeOfAll(candidates, hasRowids, rows);
      if (shape === null) continue;
      const { added } = this.#insert(shape, rows);
      if (source.isBackup) this.#salvaged.get(shape.name)!.filled += added;
    }
  }

  #insert(shape: TableShape, rows: Iterable<StoredRow>): { added: number; refused: number } {
    let added = 0;
    let refused = 0;
    const insert = this.database.transaction((batch: readonly StoredRow[]) => {
      for (const row of batch) {
        const outcome = this.#insertOne(shape, row);
        if (outcome === 'added') added += 1;
        if (outcome === 'refused') refused += 1;
      }
    });
    let batch: StoredRow[] = [];
    for (const row of rows) {
      batch.push(row);
      if (batch.length < BATCH_ROWS) continue;
      insert(batch);
      batch = [];
    }
    insert(batch);
    return { added, refused };
  }

  #insertOne(shape: TableShape, stored: StoredRow): 'added' | 'known' | 'refused' {
    if (!fits(shape, stored)) return 'refused';
    const columns = shape.columns.slice(0, stored.values.length);
    const values = columns.map(({ name }, i) =>
      name === shape.rowidColumn ? stored.rowid : stored.values[i]!,
    );
    const row = Object.fromEntries(columns.map(({ name }, i) => [name, values[i]!]));
    if (!this.plan.accepts(this.database, shape.name, row)) return 'refused';
    try {
      const { changes } = this.database
        .prepare(
          `INSERT OR IGNORE INTO ${quoted(shape.name)} (${columns.map(({ name }) => quoted(name)).join(', ')})
           VALUES (${columns.map(() => '?').join(', ')})`,
        )
        .run(...values);
      return changes > 0 ? 'added' : 'known';
    } catch (error) {
      if (isConstraint(error)) return 'refused';
      throw error;
    }
  }

  /** Numbers that were given are not given again, such as revisions of labels. */
  #raiseSequences(source: OpenSource): void {
    const { schema } = source;
    for (const [name, sequence] of schema.rows('sqlite_sequence')) {
      if (typeof name !== 'string' || typeof sequence !== 'number') continue;
      const isBarred = this.#isBehind(source) && this.plan.notFromBackups.has(name);
      if (!this.#shapes.has(name) || isBarred) continue;
      if (!Number.isSafeInteger(sequence) || sequence < 0 || sequence > 2 ** 48) continue;
      this.database.transaction(() => {
        const { changes } = this.database
          .prepare('UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?')
          .run(sequence, name);
        if (changes > 0) return;
        this.database
          .prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)')
          .run(name, sequence);
      })();
    }
  }

  #count(name: string): number {
    return this.database.prepare<{ n: number }>(`SELECT count(*) AS n FROM ${quoted(name)}`).get()!
      .n;
  }
}

/** Its tables are of an older headland, and its own migrations bring them up to date. */
function isOlder(stored: StoredSchema, { versions }: NewestSchema): boolean {
  const rooms = [...stored.rows('schema_versions')];
  return (
    rooms.length > 0 &&
    rooms.some(([room, version]) => {
      const newest = versions.get(String(room));
      return newest !== undefined && typeof version === 'number' && version < newest;
    })
  );
}

export function shapeOf(database: Database, name: string): TableShape {
  const info = database.pragma(`table_info(${quoted(name)})`);
  const keys = info.filter(({ pk }) => Number(pk) > 0);
  const columns = info.map((column) => ({
    name: String(column.name),
    type: String(column.type).toUpperCase(),
    notNull: column.notnull === 1,
    maybeAbsent: column.notnull !== 1 || column.dflt_value !== null,
  }));
  const list = database.pragma(`table_list(${quoted(name)})`);
  if (list[0]?.wr !== 1) {
    const [key] = keys;
    const isAlias = keys.length === 1 && String(key?.type).toUpperCase() === 'INTEGER';
    return { name, columns, rowidColumn: isAlias ? String(key?.name) : null, hasRowids: true };
  }
  // The key comes first, whatever the order of the columns.
  const inKey = [...keys].sort((one, other) => Number(one.pk) - Number(other.pk));
  const names = inKey.map((column) => String(column.name));
  const ordered = [
    ...names.map((key) => columns.find((column) => column.name === key)!),
    ...columns.filter((column) => !names.includes(column.name)),
  ];
  return { name, columns: ordered, rowidColumn: null, hasRowids: false };
}

/** Whether values may be a row of a table: by their number and types. */
function fits(shape: TableShape, { rowid, values }: StoredRow): boolean {
  if (values.length > shape.columns.length || values.length === 0) return false;
  if (shape.hasRowids !== (rowid !== null)) return false;
  if (!shape.columns.slice(values.length).every(({ maybeAbsent }) => maybeAbsent)) return false;
  return shape.columns.slice(0, values.length).every(({ name, type, notNull }, i) => {
    const value = values[i]!;
    if (name === shape.rowidColumn) return value === null;
    if (value === null) return !notNull;
    if (type === 'TEXT') return typeof value === 'string';
    if (type === 'BLOB') return value instanceof Uint8Array;
    if (type === 'INTEGER')
      return typeof value === 'number' ? Number.isInteger(value) : typeof value === 'bigint';
    return true;
  });
}

/** Entries of indexes and rows of other small tables do not look like its rows. */
function isDistinct({ columns }: TableShape): boolean {
  return columns.length > 3 || columns.some(({ type, notNull }) => type === 'BLOB' && notNull);
}

/** The only table that rows may be of; null: none, or several. */
function shapeOfAll(
  shapes: readonly TableShape[],
  hasRowids: boolean,
  rows: readonly StoredRow[],
): TableShape | null {
  const fitting = shapes.filter(
    (shape) => shape.hasRowids === hasRowids && rows.every((row) => fits(shape, row)),
  );
  const exact = fitting.filter(({ columns }) =>
    rows.every(({ values }) => values.length === columns.length),
  );
  const [shape, other] = exact.length > 0 ? exact : fitting;
  return shape !== undefined && other === undefined ? shape : null;
}

function isConstraint(error: unknown): boolean {
  return error instanceof Error && 'rawCode' in error && (Number(error.rawCode) & 0xff) === 19;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
