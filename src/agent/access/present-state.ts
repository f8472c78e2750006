import type { Config } from '../../config/schema.js';
import { AccessTable } from '../../storage/access-table.js';
import { AuditLog } from '../../storage/audit-table.js';
import { CommandLedger } from '../../storage/commands/command-ledger.js';
import { HoldTable } from '../../storage/commands/hold-table.js';
import { openPresentDatabase } from '../../storage/database.js';
import { Meta } from '../../storage/meta-table.js';
import { AuditTrail, type FailureLog } from '../audit-trail.js';
import { databasePathOf } from '../lifetime/state-folder.js';

/** The part of the state of a robot that decides who may open its page, command it, or hold it. */
export interface AccessState {
  access: AccessTable;
  audit: AuditTrail;
  commands: CommandLedger;
  holds: HoldTable;
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
    commands: new CommandLedger(database),
    holds: new HoldTable(database),
    meta: new Meta(database),
    close: () => database.close(),
  };
}
