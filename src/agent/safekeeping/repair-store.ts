import { renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { HeadlandError, type SerialisedError } from '../../base/errors.js';
import { nearestExisting } from '../../base/files/nearest-folder.js';
import { syncDirectorySync } from '../../base/files/sync-directory.js';
import { diskFreeBytes } from '../../host/board-readings.js';
import {
  DERIVED_TABLES,
  isWholePicture,
  mendSamples,
  recountSamples,
} from '../../samples/mending/mend-samples.js';
import { findBackupDamage } from '../../storage/backup/backup-manifest.js';
import { createDatabase, type Database } from '../../storage/database.js';
import { DatabasePages } from '../../storage/salvage/database-pages.js';
import { identityIn, LOSS_TOLD } from '../../storage/salvage/examine-store.js';
import { type RowSource, rebuild, type TableSalvage } from '../../storage/salvage/rebuild.js';
import { StoredSchema } from '../../storage/salvage/schema-rows.js';
import { replaceDatabase, replacementOf } from '../../storage/salvage/set-aside.js';
import { newestSchema } from './newest-schema.js';
import { listBackups, type StoredBackup, witnessesOf } from './witnesses.js';

/** Tables of which an old copy would do harm: messages that were sent, devices that were removed. */
export const NEVER_FROM_BACKUPS: ReadonlySet<string> = new Set([
  'telemetry_outbox',
  'pairings',
  'schema_versions',
]);

/** Tables that may be large, after what they belong to. */
const LARGE_TABLES = ['features', 'pictures'];

export interface RepairPlan {
  path: string;
  stateDir: string;
  backupFolder: string;
  cause: SerialisedError;
}

/** What a repair has kept and lost. */
export interface RepairReport {
  cause: SerialisedError;
  /** Where the damaged database is now; null: there was none. */
  setAside: string | null;
  /** The backup that rows were taken from; null: none. */
  backup: { path: string; createdAt: string } | null;
  /** Tables that have lost something, or got rows from the backup. */
  tables: TableSalvage[];
  labels: Kept;
  samples: Kept;
}

interface Kept {
  /** As far as it is known; null: nothing tells. */
  before: number | null;
  after: number;
}

/**
 * Builds a database of everything that can be read of a damaged one, and of the newest whole backup where
 * that has more, and puts it in the place of the damaged one, which is set aside. May take minutes.
 * @throws HeadlandError HL_STORE_…: nothing has changed
 */
export function repairStore(plan: RepairPlan): RepairReport {
  const { path, stateDir, backupFolder, cause } = plan;
  const before = knownCounts(path);
  const backup = newestWhole(backupFolder);
  const isOlder = backup !== null && backup.manifest.labelRevision > before.labelRevision;
  const sources = sourcesOf(path, backup, isOlder);
  const neededBytes = sources.reduce((sum, source) => sum + bytesOf(source.path), 0);
  refuseWithoutRoom(path, 'its repair', neededBytes);
  const target = replacementOf(path);
  // The old one is as it was: an interrupted repair begins again.
  const partial = `${target}-partial`;
  rmSync(partial, { force: true });
  const { headRevision } = witnessesOf(stateDir, backupFolder);
  const { tables, after } = createDatabase(partial, (database) => {
    const salvaged = rebuildStore(database, sources);
    database
      .prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)')
      .run(LOSS_TOLD, String(headRevision ?? 0));
    return { tables: salvaged, after: countsIn(database) };
  });
  renameSync(partial, target);
  syncDirectorySync(dirname(target));
  const setAside = replaceDatabase(path);
  const known = backup?.manifest;
  const isFilled = tables.some(({ filled }) => filled > 0);
  return {
    cause,
    setAside,
    backup: backup && isFilled ? { path: backup.path, createdAt: backup.manifest.createdAt } : null,
    tables: tables.filter((table) => table.damagedPages + table.damagedRows + table.filled > 0),
    labels: { before: larger(before.labels, known?.labels), after: after.labels },
    samples: { before: larger(before.samples, known?.samples), after: after.samples },
  };
}

/** Fills an empty database from others. */
export function rebuildStore(database: Database, sources: readonly RowSource[]): TableSalvage[] {
  const schema = newestSchema();
  const salvaged = rebuild(database, {
    sources,
    schema,
    derived: DERIVED_TABLES,
    notFromBackups: NEVER_FROM_BACKUPS,
    last: LARGE_TABLES,
    accepts: (target, table, row) => table !== 'pictures' || isWholePicture(target, row),
    mend: mendSamples,
    recount: recountSamples,
  });
  const stored = database
    .prepare<{ n: number }>('SELECT count(*) AS n FROM schema_versions')
    .get()!.n;
  if (stored === schema.versions.size) return salvaged;
  const put = database.prepare(
    'INSERT OR IGNORE INTO schema_versions (room, version) VALUES (?, ?)',
  );
  for (const [room, version] of schema.versions) put.run(room, version);
  return salvaged;
}

/** One sentence for people: what is missing now. */
export function describeRepair({
  labels,
  samples,
  backup,
  setAside,
  tables,
}: RepairReport): string {
  const lost = (what: string, { before, after }: Kept): string => {
    if (before === null) return `${after} ${what} are there, and nothing tells how many there were`;
    const missing = Math.max(0, before - after);
    return missing === 0
      ? `all ${after} ${what} are there`
      : `${missing} of ${before} ${what} are lost`;
  };
  const from = backup === null ? '' : `; rows were taken from the backup of ${backup.createdAt}`;
  const others = tables
    .filter(({ damagedPages, damagedRows }) => damagedPages + damagedRows > 0)
    .map(({ table }) => table);
  const damaged = others.length === 0 ? '' : `; damaged tables: ${others.join(', ')}`;
  const aside = setAside === null ? '' : `; the damaged file is ${setAside}`;
  return `the database was repaired: ${lost('labels', labels)}, ${lost('samples', samples)}${from}${damaged}${aside}`;
}

/** The error of the alarm that tells of a repair. */
export function repaired(report: RepairReport): HeadlandError {
  const { setAside, labels, samples, backup } = report;
  return new HeadlandError('HL_STORE_REPAIRED', describeRepair(report), {
    remedy:
      'Look at the classes and label again what is missing. Check the disk (`headland doctor`), and remove the damaged file when nobody needs it any more.',
    details: { setAside, labels, samples, backup: backup?.path ?? null },
  });
}

function sourcesOf(path: string, backup: StoredBackup | null, backupFirst: boolean): RowSource[] {
  const own: RowSource = { path, take: 'all', isBackup: false };
  if (backup === null) return [own];
  const old: RowSource = {
    path: backup.path,
    take: backupFirst ? 'all' : 'damaged',
    isBackup: true,
  };
  return backupFirst ? [old, own] : [own, old];
}

/** Damaged backups are passed over. */
function newestWhole(folder: string): StoredBackup | null {
  return listBackups(folder).find(({ path }) => findBackupDamage(path).length === 0) ?? null;
}

/** @throws HeadlandError HL_STORE_FULL */
export function refuseWithoutRoom(path: string, what: string, neededBytes: number): void {
  const freeBytes = diskFreeBytes(nearestExisting(dirname(path)));
  if (freeBytes === null || neededBytes < freeBytes) return;
  throw new HeadlandError(
    'HL_STORE_FULL',
    `${path}: ${what} needs ${neededBytes} bytes on this disk, and ${freeBytes} are free`,
    {
      remedy: 'Free space on this disk, or set paths.stateDir to a folder on a larger one.',
      details: { path, neededBytes, freeBytes },
    },
  );
}

function bytesOf(path: string): number {
  const size = (name: string): number => {
    const found = statSync(name, { throwIfNoEntry: false });
    return found?.isFile() ? found.size : 0;
  };
  return size(path) + size(`${path}-wal`);
}

interface Counts {
  labels: number;
  samples: number;
}

/** What a damaged database still says of itself. */
function knownCounts(path: string): { [K in keyof Counts]: number | null } & {
  labelRevision: number;
} {
  const pages = new DatabasePages(path);
  try {
    const schema = new StoredSchema(pages);
    const classes = [...schema.rows('class_counts')];
    const tasks = [...schema.rows('task_counts')];
    const sum = (rows: unknown[][], columns: number[]): number =>
      rows.reduce((total, row) => total + columns.reduce((of, at) => of + number(row[at]), 0), 0);
    const labels = classes.length > 0 ? sum(classes, [2, 3]) : null;
    const samples = tasks.length > 0 ? sum(tasks, [1, 2]) + (labels ?? 0) : null;
    return { labels, samples, labelRevision: identityIn(schema).labelRevision };
  } finally {
    pages.close();
  }
}

/** Labels and samples of all tasks together. */
export function countsIn(database: Database): Counts {
  return database
    .prepare<Counts>(`SELECT count(label) AS labels, count(*) AS samples FROM task_samples`)
    .get()!;
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function larger(one: number | null, other: number | undefined): number | null {
  return one === null ? (other ?? null) : Math.max(one, other ?? 0);
}
