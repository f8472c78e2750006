import type { SqlValue } from '../values.js';
import type { DatabasePages } from './database-pages.js';
import { type TreeDamage, Trees } from './trees.js';

/** A row of `sqlite_schema`. */
export interface SchemaEntry {
  type: string;
  name: string;
  table: string;
  /** Null: SQLite makes it by itself. */
  sql: string | null;
  /** Page where its tree begins; 0: it has none. */
  root: number;
}

const TYPES: ReadonlySet<string> = new Set(['table', 'index', 'view', 'trigger']);
const NO_DAMAGE: Readonly<TreeDamage> = { pages: 0, rows: 0 };

/** The tables, indexes, views and triggers of a database, as far as they can be read. */
export class StoredSchema {
  readonly entries: readonly SchemaEntry[];
  /** Some of it cannot be read. */
  readonly isDamaged: boolean;

  constructor(private readonly pages: DatabasePages) {
    const damage = { ...NO_DAMAGE };
    const trees = new Trees(pages);
    const entries = [...trees.rows(1, damage)].flatMap(({ values }) => entryOf(values));
    this.isDamaged = damage.pages + damage.rows > 0;
    this.entries = this.isDamaged ? [...entries, ...lostEntries(trees)] : entries;
  }

  /** Page where the tree of a table or an index begins; null: not known. */
  rootOf(name: string): number | null {
    return this.entries.find((entry) => entry.name === name && entry.root > 0)?.root ?? null;
  }

  /** All rows of a table or an index that can be read, in the order of their values in the file. */
  *rows(name: string): Generator<SqlValue[]> {
    const root = this.rootOf(name);
    if (root === null) return;
    for (const { values } of new Trees(this.pages).rows(root, { ...NO_DAMAGE })) yield values;
  }
}

/** Of pages to which the first page of the file does not lead any more. */
function lostEntries(trees: Trees): SchemaEntry[] {
  return [...trees.lostLeaves()].flatMap(({ hasRowids, rows }) => {
    const entries = hasRowids ? rows.flatMap(({ values }) => entryOf(values)) : [];
    return entries.length === rows.length ? entries : [];
  });
}

function entryOf([type, name, table, root, sql]: SqlValue[]): SchemaEntry[] {
  if (typeof type !== 'string' || typeof name !== 'string' || typeof table !== 'string') return [];
  if (!TYPES.has(type)) return [];
  const text = typeof sql === 'string' ? sql : null;
  return [{ type, name, table, sql: text, root: typeof root === 'number' ? root : 0 }];
}
