import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isPageSize, readLog } from './write-ahead-log.js';

const MAGIC = Buffer.from('SQLite format 3\0');
const HEADER_BYTES = 100;
/** SQLite locks bytes from here on; the page that holds them is never used. */
const LOCKS_AT_BYTE = 0x40000000;
/** Kinds of pages in a pointer map that have no page above them. */
const MAP_ROOT = 1;
const MAP_FREE = 2;
/** That of every file which headland has made. */
const DEFAULT_PAGE_BYTES = 4_096;

/**
 * The pages of a database as its file and its log hold them, without SQLite, which stops at the first
 * damaged one. Never writes.
 */
export class DatabasePages {
  readonly pageBytes: number;
  /** Highest number of a page that may exist. */
  readonly count: number;
  /** What is missing of the log, in words; null: nothing. */
  readonly logLost: string | null;
  /** Number of the first page of the free list; 0: none. */
  readonly freeList: number;
  /** Pages that the file names and that neither it nor its log has. */
  readonly missingPages: number;
  /** It begins as a database of SQLite does, in the file or in the log. */
  readonly isDatabase: boolean;
  /** How many pages one pointer map tells of, in a database that gives space back; null: there are none. */
  readonly #mapped: number | null;
  readonly #file: number | null;
  readonly #fileBytes: number;
  readonly #log: number | null;
  readonly #logged: ReadonlyMap<number, number>;

  constructor(path: string) {
    this.#file = openOrNull(path);
    this.#fileBytes = this.#file === null ? 0 : fstatSync(this.#file).size;
    const header = Buffer.alloc(HEADER_BYTES);
    if (this.#file !== null) readSync(this.#file, header, 0, HEADER_BYTES, 0);
    const stated = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
    const named = header.subarray(0, MAGIC.length).equals(MAGIC);
    const assumed = isPageSize(stated) ? stated : DEFAULT_PAGE_BYTES;
    const log = readLog(path, assumed);
    this.pageBytes = !named && log.pageBytes !== null ? log.pageBytes : assumed;
    this.logLost = log.lost;
    this.#logged = log.pageBytes === this.pageBytes ? log.pages : new Map();
    this.#log = this.#logged.size > 0 ? openOrNull(`${path}-wal`) : null;
    const inFile = Math.ceil(this.#fileBytes / this.pageBytes);
    // A page beyond the end of the newest transaction was given back.
    this.count = log.pageCount ?? Math.max(inFile, ...this.#logged.keys());
    const first = this.page(1);
    this.freeList = first?.readUInt32BE(32) ?? 0;
    this.isDatabase = first?.subarray(0, MAGIC.length).equals(MAGIC) ?? false;
    this.missingPages = this.#missing(first, log.pageCount);
    const isMapped = this.isDatabase ? first!.readUInt32BE(52) > 0 : this.#looksLikeMap(2);
    this.#mapped = isMapped ? Math.floor(this.pageBytes / 5) : null;
  }

  /**
   * The page belongs to no tree, but says to which page others belong: the second page, and one more after
   * all of which it tells, in a database that gives space back.
   */
  isPointerMap(number: number): boolean {
    if (this.#mapped === null || number < 2) return false;
    const every = this.#mapped + 1;
    const locks = Math.floor(LOCKS_AT_BYTE / this.pageBytes) + 1;
    const first = number - ((number - 2) % every);
    return number === (first === locks ? first + 1 : first);
  }

  /** The file itself can be read. */
  get isReadable(): boolean {
    return this.#file !== null;
  }

  /** Closes it and returns it, for what it has found. */
  closed(): this {
    this.close();
    return this;
  }

  /** Null: the page is not there as a whole. */
  page(number: number): Buffer | null {
    if (number < 1 || number > this.count) return null;
    const bytes = Buffer.alloc(this.pageBytes);
    const logged = this.#logged.get(number);
    const [file, offset] =
      logged === undefined ? [this.#file, (number - 1) * this.pageBytes] : [this.#log, logged];
    if (file === null) return null;
    try {
      return readSync(file, bytes, 0, bytes.length, offset) === bytes.length ? bytes : null;
    } catch {
      // A sector that the disk cannot read any more.
      return null;
    }
  }

  /** Where the first page is lost: each of its entries is a kind of page, 1 to 5, and the page above it. */
  #looksLikeMap(number: number): boolean {
    const bytes = this.page(number);
    if (bytes === null) return false;
    const entries = Math.min(Math.floor(bytes.length / 5), this.count - number);
    for (let at = 0; at < entries * 5; at += 5) {
      const kind = bytes[at]!;
      const above = bytes.readUInt32BE(at + 1);
      const hasNone = kind === MAP_ROOT || kind === MAP_FREE;
      if (kind < 1 || kind > 5 || above > this.count || hasNone !== (above === 0)) return false;
    }
    return entries > 0;
  }

  #missing(first: Buffer | null, logged: number | null): number {
    // The count of the file holds only if the program that wrote last has set it.
    const isSet = first !== null && first.readUInt32BE(24) === first.readUInt32BE(92);
    const stated = logged ?? (isSet ? first.readUInt32BE(28) : 0);
    let missing = 0;
    const beyond = Math.floor(this.#fileBytes / this.pageBytes) + 1;
    if (stated - beyond > 1_000_000) return stated - beyond;
    for (let at = beyond; at <= stated; at++) {
      if (!this.#logged.has(at)) missing += 1;
    }
    return missing;
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    if (this.#log !== null) closeSync(this.#log);
  }
}

/** Null: no file is there. */
function openOrNull(path: string): number | null {
  try {
    const file = openSync(path, 'r');
    if (fstatSync(file).isFile()) return file;
    closeSync(file);
    return null;
  } catch {
    return null;
  }
}
