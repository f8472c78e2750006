import { dirname } from 'node:path';
import { type HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import { diskFreeBytes } from '../../host/board-readings.js';
import {
  type Database,
  openDatabase,
  openDatabaseOrStandIn,
  standInFor,
} from '../../storage/database.js';
import { examineStore } from '../../storage/salvage/examine-store.js';
import { completeReplacement } from '../../storage/salvage/set-aside.js';
import { pageCounts } from '../../storage/space/free-pages.js';
import { damagedFile, needsRepair } from '../../storage/store-error.js';
import { databasePathOf } from '../lifetime/state-folder.js';
import { backupFolderOf, witnessesOf } from './witnesses.js';

/** Tables without which no label is worth anything; the others follow in any order. */
const FIRST = ['task_samples', 'samples', 'label_history', 'task_groups', 'meta'];
/** A queue may be long, and the rows of these are read one by one anyway. */
const LARGE = ['telemetry_outbox', 'features', 'pictures'];
/** A start must not wait for the check of a large file: the check of every page follows. */
const CHECK_BUDGET_MS = 300;
/** 16 MiB: 0.1 s, and 3 s on a card that writes 10 MB/s. */
const REWRITTEN_MAX_PAGES = 4_096;
/** The rewritten pages are in the log before they are in the file. */
const REWRITE_NEEDS_BYTES = 67_108_864;

/**
 * Opens the database of a robot. A damaged or lost one is not touched.
 * @throws HeadlandError HL_STORE_…
 */
export function openWholeDatabase(config: Config): Database {
  const damage = damageOf(config);
  if (damage !== null) throw damage;
  return openDatabase(databasePathOf(config));
}

/** As {@link openWholeDatabase}, for the daemon: empty tables stand in for a damaged or lost file. */
export function openWholeOrStandIn(
  config: Config,
  onTrouble: (error: HeadlandError) => void,
  log: Log,
): Database {
  const path = databasePathOf(config);
  try {
    if (completeReplacement(path)) log.warn({ path }, 'an interrupted repair was completed');
  } catch (error) {
    log.error({ err: messageOf(error) }, 'an interrupted repair cannot be completed');
  }
  const damage = damageOf(config);
  if (damage !== null) return standInFor(path, damage, onTrouble);
  const database = openDatabaseOrStandIn(path, onTrouble);
  if (database.standsInFor === null) checkImportantTables(database, onTrouble);
  if (database.standsInFor === null) letShrink(database, log);
  return database;
}

/** Damage of a database that is seen without reading all of it; null: none. */
export function damageOf(config: Config): HeadlandError | null {
  const { stateDir } = config.paths;
  try {
    return examineStore(databasePathOf(config), witnessesOf(stateDir, backupFolderOf(config)));
  } catch {
    // A disk that fails, or a file that changes meanwhile: opening it tells.
    return null;
  }
}

function checkImportantTables(database: Database, onTrouble: (error: HeadlandError) => void): void {
  const startMs = performance.now();
  try {
    for (const name of tablesToCheck(database)) {
      if (performance.now() - startMs > CHECK_BUDGET_MS) return;
      const [found] = database.pragma(`quick_check("${name}")`).map((row) => Object.values(row)[0]);
      if (found !== 'ok') throw damagedFile(database.path, String(found));
    }
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    onTrouble(error);
    if (needsRepair(error)) database.putAside(error);
  }
}

/**
 * A file of an older headland never gives space back, unless it is rewritten once. A small one is, before
 * anything needs it. A large one stays as it is: its rewriting would delay the start, and later every write.
 */
function letShrink(database: Database, log: Log): void {
  try {
    const { all, canShrink } = pageCounts(database);
    if (canShrink || all > REWRITTEN_MAX_PAGES) return;
    const freeBytes = diskFreeBytes(dirname(database.path));
    if (freeBytes === null || freeBytes < REWRITE_NEEDS_BYTES) return;
    database.rewrite();
    log.info({ pages: all }, 'the database gives space back from now on');
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    // The next start tries again; damage is found by the check of every page.
    log.info({ code: error.code }, 'the database does not give space back yet');
  }
}

function tablesToCheck(database: Database): string[] {
  const names = database
    .prepare<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all()
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('sqlite_'));
  const others = names.filter((name) => !FIRST.includes(name) && !LARGE.includes(name));
  return [...FIRST, ...others, ...LARGE.slice(0, 1)].filter((name) => names.includes(name));
}
