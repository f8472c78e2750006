import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../base/processes/process-table.js';
import { Database, findDamage } from './database.js';
import { openForReading } from './sqlite-connection.js';
import { storeError } from './store-error.js';

export interface DatabaseInspection {
  /** Findings in SQLite's words; empty: sound. */
  damage: string[];
  /** Version of the tables, by room; see `migrate`. */
  versions: ReadonlyMap<string, number>;
  /** Of the file and its log. */
  bytes: number;
}

/** A larger database is not copied for an inspection. */
const COPY_MAX_BYTES = 1_000_000_000;
/** On the disk: /tmp is in the memory of many boards. */
const COPY_PARENT = '/var/tmp';
const COPY_PREFIX = 'headland-inspect-';

/**
 * Reads every page of a database, and changes neither it nor its folder: SQLite would complete the log of
 * an interrupted process, and create files beside the database. It is therefore read through the files
 * of the process that has it open; without one as an immutable file; and after an interruption as a
 * copy in `TMPDIR`, or `/var/tmp`.
 * @param options.inUse a running daemon has it open
 * @returns `interrupted`: it needs a copy, for which there is not enough space
 * @throws HeadlandError HL_STORE_…
 */
export function inspectDatabase(
  path: string,
  { inUse }: { inUse: boolean },
): DatabaseInspection | 'interrupted' {
  try {
    if (inUse && existsSync(`${path}-shm`)) return inspect(path, false);
    if (sizeOf(`${path}-wal`) === 0) return inspect(path, true);
    return inspectCopy(path);
  } catch (error) {
    throw storeError(error, path);
  }
}

function inspect(path: string, immutable: boolean): DatabaseInspection {
  const connection = openForReading(path, immutable);
  try {
    const database = new Database(path, connection);
    const damage = findDamage(database);
    const versions = damage.length > 0 ? [] : versionsIn(database);
    return { damage, versions: new Map(versions), bytes: databaseBytes(path) };
  } finally {
    // `Database.close` would complete the log.
    connection.native.close();
  }
}

function versionsIn(database: Database): [room: string, version: number][] {
  const tables = database
    .prepare<{ n: number }>(
      "SELECT count(*) AS n FROM sqlite_schema WHERE name = 'schema_versions'",
    )
    .get();
  if (tables?.n !== 1) return [];
  return database
    .prepare<{ room: string; version: number }>('SELECT room, version FROM schema_versions')
    .all()
    .map(({ room, version }) => [room, version]);
}

function inspectCopy(path: string): DatabaseInspection | 'interrupted' {
  const bytes = databaseBytes(path);
  const parent = process.env.TMPDIR ?? COPY_PARENT;
  removeLeftCopies(parent);
  const { bavail, bsize } = statfsSync(parent);
  if (bytes > COPY_MAX_BYTES || 2 * bytes > bavail * bsize) return 'interrupted';
  const folder = mkdtempSync(join(parent, `${COPY_PREFIX}${process.pid}-`));
  try {
    const copy = join(folder, 'copy.db');
    copyFileSync(path, copy);
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    return { ...inspect(copy, false), bytes };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Copies of processes that were ended in between, such as by a time limit. */
function removeLeftCopies(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(COPY_PREFIX)) continue;
    const processId = Number.parseInt(name.slice(COPY_PREFIX.length), 10);
    if (!(processId > 0) || isAlive(processId)) continue;
    const folder = join(parent, name);
    const found = lstatSync(folder, { throwIfNoEntry: false });
    const isOwn = found?.isDirectory() === true && found.uid === process.geteuid?.();
    if (isOwn) rmSync(folder, { recursive: true, force: true });
  }
}

/** Of a database and its log. */
function databaseBytes(path: string): number {
  return sizeOf(path) + sizeOf(`${path}-wal`);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
