import type { Config } from '../../config/schema.js';
import { AccessTable } from '../../storage/access-table.js';
import { AuditLog } from '../../storage/audit-table.js';
import { openPresentDatabase } from '../../storage/database.js';
import { Meta } from '../../storage/meta-table.js';
import { AuditTrail, type FailureLog } from '../audit-trail.js';
import { databasePathOf } from '../lifetime/state-folder.js';

/** The part of the state of a robot that decides who may open its page. */
export interface AccessState {
  access: AccessTable;
  audit: AuditTrail;
  meta: Meta;
  close(): void;
}

/**
 * Opens it beside a daemon; creates no state where there is none.
 * @throws HeadlandError HL_STORE_…
 */
export function openPresentState(config: Config, log: FailureLog): AccessState {
  const database = openPresentDatabase(databasePathOf(config));
  return {
    access: new AccessTable(database),
    audit: new AuditTrail(new AuditLog(database), log),
    meta: new Meta(database),
    close: () => database.close(),
  };
}
