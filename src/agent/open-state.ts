import { join } from 'node:path';
import { HeadlandError, messageOf } from '../base/errors.js';
import { makeFolderSync } from '../base/files/make-folder.js';
import type { Log } from '../base/log.js';
import type { Config } from '../config/schema.js';
import { HeadRegistry } from '../registry/registry.js';
import { SampleStore } from '../samples/store.js';
import { AuditLog } from '../storage/audit-table.js';
import { type Database, openDatabase, openDatabaseOrStandIn } from '../storage/database.js';
import { Meta } from '../storage/meta-table.js';
import { ReportLog } from '../storage/report-log.js';

export interface State {
  database: Database;
  databasePath: string;
  samples: SampleStore;
  meta: Meta;
  audit: AuditLog;
  reports: ReportLog;
  heads: HeadRegistry;
  headsDir: string;
  close(): void;
}

/** Folder of the backbones added by `models add`. */
export function addedCardsDir({ paths }: Pick<Config, 'paths'>): string {
  return join(paths.stateDir, 'backbones');
}

/** @throws HeadlandError HL_STATE_UNWRITABLE */
export function createStateDir(stateDir: string): void {
  try {
    makeFolderSync(stateDir);
  } catch (error) {
    throw new HeadlandError(
      'HL_STATE_UNWRITABLE',
      `cannot create the state folder ${stateDir}: ${messageOf(error)}`,
      {
        remedy: 'Set paths.stateDir, or --state, to a folder that this user may create or write.',
        cause: error,
      },
    );
  }
}

/**
 * Opens the state of a robot (samples, heads, outbox), and creates it if it does not exist.
 * @throws HeadlandError HL_STATE_UNWRITABLE, HL_STORE_…
 */
export function openState(config: Config, log?: Log): State {
  createStateDir(config.paths.stateDir);
  return stateIn(config, openDatabase(databasePathOf(config)), log);
}

/**
 * As {@link openState}, for the daemon, which must classify even without a disk: see
 * {@link openDatabaseOrStandIn}.
 * @param onTrouble called for every error of the disk, including those while the state is being opened
 */
export function openStateOrStandIn(
  config: Config,
  onTrouble: (error: HeadlandError) => void,
  log: Log,
): State {
  return stateIn(config, openDatabaseOrStandIn(databasePathOf(config), onTrouble), log);
}

function databasePathOf({ paths }: Config): string {
  return join(paths.stateDir, 'headland.db');
}

function stateIn(config: Config, database: Database, log?: Log): State {
  const headsDir = join(config.paths.stateDir, 'heads');
  return {
    database,
    databasePath: database.path,
    samples: new SampleStore(database, {
      holdoutShare: config.samples.holdoutShare,
      holdoutAfterSamples: config.samples.holdoutAfterSamples,
      maxPictureStoreBytes: config.samples.maxPictureStoreBytes,
    }),
    meta: new Meta(database),
    audit: new AuditLog(database),
    reports: new ReportLog(database),
    heads: new HeadRegistry(headsDir, { keep: config.heads.keep, ...(log ? { log } : {}) }),
    headsDir,
    close: () => database.close(),
  };
}
