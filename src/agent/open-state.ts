import { join } from 'node:path';
import { HeadlandError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { makeFolderSync } from '../base/make-folder.js';
import type { Config } from '../config/schema.js';
import { HeadRegistry } from '../registry/registry.js';
import { SampleStore } from '../samples/store.js';
import { AuditLog } from '../storage/audit-table.js';
import { type Database, openDatabase } from '../storage/database.js';
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

/** Folder of the backbones that `models add` keeps. */
export function addedCardsDir({ paths }: Pick<Config, 'paths'>): string {
  return join(paths.stateDir, 'backbones');
}

/**
 * Opens what a robot keeps: samples, heads, outbox; creates it where there is none.
 * @throws HeadlandError HL_STATE_UNWRITABLE, HL_STORE_…
 */
export function openState(config: Config, log?: Log): State {
  const { stateDir } = config.paths;
  try {
    makeFolderSync(stateDir);
  } catch (error) {
    throw new HeadlandError(
      'HL_STATE_UNWRITABLE',
      `cannot create ${stateDir}: ${messageOf(error)}`,
      {
        remedy: 'Give a directory that this user may write: paths.stateDir or --state.',
        cause: error,
      },
    );
  }
  const databasePath = join(stateDir, 'headland.db');
  const headsDir = join(stateDir, 'heads');
  const database = openDatabase(databasePath);
  return {
    database,
    databasePath,
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
