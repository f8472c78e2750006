import { SIGHTING_TABLES } from '../../samples/sightings/sighting-table.js';
import { SAMPLE_TABLES } from '../../samples/tables.js';
import { ACCESS_TABLES } from '../../storage/access-table.js';
import { AUDIT_TABLES } from '../../storage/audit-table.js';
import { COMMAND_TABLES } from '../../storage/commands/command-ledger.js';
import { databaseInMemory } from '../../storage/database.js';
import { EVENT_TABLES } from '../../storage/event-log.js';
import { META_TABLES } from '../../storage/meta-table.js';
import { migrate } from '../../storage/migrate.js';
import { OUTBOX_TABLES } from '../../storage/outbox-table.js';
import { REPORT_TABLES } from '../../storage/report-log.js';
import type { NewestSchema } from '../../storage/salvage/rebuild.js';
import type { SchemaEntry } from '../../storage/salvage/schema-rows.js';
import { SYNC_TABLES } from '../../sync/sync-table.js';

/** The tables of every room. */
export const EVERY_ROOM: Readonly<Record<string, readonly string[]>> = {
  access: ACCESS_TABLES,
  audit: AUDIT_TABLES,
  commands: COMMAND_TABLES,
  events: EVENT_TABLES,
  meta: META_TABLES,
  outbox: OUTBOX_TABLES,
  reports: REPORT_TABLES,
  samples: SAMPLE_TABLES,
  sightings: SIGHTING_TABLES,
  sync: SYNC_TABLES,
};

/** The tables of a new database. */
export function newestSchema(): NewestSchema {
  const database = databaseInMemory();
  try {
    for (const [room, steps] of Object.entries(EVERY_ROOM)) migrate(database, room, steps);
    const entries = database
      .prepare<SchemaEntry>(
        'SELECT type, name, tbl_name AS "table", sql, rootpage AS root FROM sqlite_schema',
      )
      .all();
    const versions = new Map(
      Object.entries(EVERY_ROOM).map(([room, steps]) => [room, steps.length]),
    );
    return { entries, versions };
  } finally {
    database.close();
  }
}
