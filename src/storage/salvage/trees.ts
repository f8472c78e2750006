import type { SqlValue } from '../values.js';
import type { DatabasePages } from './database-pages.js';
import { decodeRecord, readVarint } from './row-records.js';

/** A row as it is stored: of a table with row ids, or of an index or a table without them. */
export interface StoredRow {
  /** Null: the tree has none. */
  rowid: number | null;
  values: SqlValue[];
}

/** Damage that was found while a tree was read. */
export interface TreeDamage {
  /** Pages that cannot be read, or that are none of this tree. */
  pages: number;
  /** Rows of readable pages that are damaged. */
  rows: number;
}

const INDEX_BRANCH = 0x02;
const TABLE_BRANCH = 0x05;
const INDEX_LEAF = 0x0a;
const TABLE_LEAF = 0x0d;

interface Page {
  number: number;
  bytes: Buffer;
  type: number;
  /** Where the header of the tree begins: the first page of a file has another before it. */
  start: number;
  cells: number[];
  /** The last child of a branch. */
  right: number;
}

/** One way through a tree. A damaged branch may lead into another tree, or back. */
interface Walk {
  isTable: boolean;
  passed: Set<number>;
  damage: TreeDamage;
}

/** Reads the trees of a database, around everything that is damaged. */
export class Trees {
  /** Pages that belong to a tree or to the free list. */
  readonly seen = new Set<number>();

  constructor(private readonly pages: DatabasePages) {}

  /** All rows of a tree that can be read, in its order. @param damage counted up */
  *rows(root: number, damage: TreeDamage): Generator<StoredRow> {
    const page = this.open(root);
    if (page === null) {
      damage.pages += 1;
      return;
    }
    const isTable = page.type === TABLE_BRANCH || page.type === TABLE_LEAF;
    yield* this.below(page, { isTable, passed: new Set(), damage });
  }

  /**
   * Rows of leaves that no tree has led to, since the branch above them is damaged. Read all trees first.
   */
  *lostLeaves(): Generator<{ hasRowids: boolean; rows: StoredRow[] }> {
    this.passFreeList();
    for (let number = 2; number <= this.pages.count; number++) {
      if (this.seen.has(number)) continue;
      const page = this.open(number);
      // Branches of tables with row ids have no rows.
      if (page === null || page.type === TABLE_BRANCH) continue;
      const hasRowids = page.type === TABLE_LEAF;
      const rows = page.cells
        .map((cell) => this.row(page, cell))
        .filter((row): row is StoredRow => row !== null);
      if (rows.length > 0) yield { hasRowids, rows };
    }
  }

  private *below(page: Page, walk: Walk): Generator<StoredRow> {
    this.seen.add(page.number);
    walk.passed.add(page.number);
    const isBranch = page.type === TABLE_BRANCH || page.type === INDEX_BRANCH;
    for (const cell of page.cells) {
      if (isBranch) yield* this.child(page.bytes.readUInt32BE(cell), walk);
      if (page.type === TABLE_BRANCH) continue;
      const row = this.row(page, cell);
      if (row === null) walk.damage.rows += 1;
      else yield row;
    }
    if (isBranch) yield* this.child(page.right, walk);
  }

  private *child(number: number, walk: Walk): Generator<StoredRow> {
    const page = walk.passed.has(number) ? null : this.open(number);
    const fits =
      page !== null &&
      (walk.isTable
        ? page.type === TABLE_BRANCH || page.type === TABLE_LEAF
        : page.type === INDEX_BRANCH || page.type === INDEX_LEAF);
    if (fits) yield* this.below(page, walk);
    else walk.damage.pages += 1;
  }

  /** Null: it is no page of a tree. */
  private open(number: number): Page | null {
    // A pointer map may look like a branch.
    if (this.pages.isPointerMap(number)) return null;
    const bytes = this.pages.page(number);
    if (bytes === null) return null;
    const start = number === 1 ? 100 : 0;
    const type = bytes[start]!;
    const isBranch = type === TABLE_BRANCH || type === INDEX_BRANCH;
    if (!isBranch && type !== TABLE_LEAF && type !== INDEX_LEAF) return null;
    const count = bytes.readUInt16BE(start + 3);
    const first = start + (isBranch ? 12 : 8);
    if (first + 2 * count > bytes.length) return null;
    const cells: number[] = [];
    for (let i = 0; i < count; i++) {
      const cell = bytes.readUInt16BE(first + 2 * i);
      if (cell < first + 2 * count || cell + 4 > bytes.length) return null;
      cells.push(cell);
    }
    const right = isBranch ? bytes.readUInt32BE(start + 8) : 0;
    return { number, bytes, type, start, cells, right };
  }

  /** Null: it is damaged. */
  private row(page: Page, cell: number): StoredRow | null {
    try {
      let at = page.type === INDEX_BRANCH ? cell + 4 : cell;
      const [bytes, afterBytes] = readVarint(page.bytes, at);
      at = afterBytes;
      let rowid: number | null = null;
      if (page.type === TABLE_LEAF) [rowid, at] = readVarint(page.bytes, at);
      const payload = this.payload(page, at, bytes);
      const values = payload && decodeRecord(payload);
      return values && { rowid, values };
    } catch {
      return null;
    }
  }

  private payload(page: Page, at: number, bytes: number): Buffer | null {
    const usable = this.pages.pageBytes;
    const most =
      page.type === TABLE_LEAF ? usable - 35 : Math.floor(((usable - 12) * 64) / 255) - 23;
    if (bytes < 0 || bytes > usable * this.pages.count) return null;
    if (bytes <= most) {
      return at + bytes <= page.bytes.length ? page.bytes.subarray(at, at + bytes) : null;
    }
    const least = Math.floor(((usable - 12) * 32) / 255) - 23;
    const fill = least + ((bytes - least) % (usable - 4));
    const local = fill <= most ? fill : least;
    if (at + local + 4 > page.bytes.length) return null;
    const parts = [page.bytes.subarray(at, at + local)];
    let next = page.bytes.readUInt32BE(at + local);
    for (let left = bytes - local; left > 0; ) {
      const overflow = this.pages.isPointerMap(next) ? null : this.pages.page(next);
      if (overflow === null) return null;
      this.seen.add(next);
      const part = overflow.subarray(4, 4 + Math.min(left, usable - 4));
      parts.push(part);
      left -= part.length;
      next = overflow.readUInt32BE(0);
    }
    return Buffer.concat(parts);
  }

  /** Rows on free pages were removed. */
  private passFreeList(): void {
    let trunk = this.pages.freeList;
    while (trunk > 0 && !this.seen.has(trunk)) {
      this.seen.add(trunk);
      const bytes = this.pages.page(trunk);
      if (bytes === null) return;
      const leaves = Math.min(bytes.readUInt32BE(4), Math.floor(bytes.length / 4) - 2);
      for (let i = 0; i < leaves; i++) this.seen.add(bytes.readUInt32BE(8 + 4 * i));
      trunk = bytes.readUInt32BE(0);
    }
  }
}
