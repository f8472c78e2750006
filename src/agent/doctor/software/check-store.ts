import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, isHeadlandError } from '../../../base/errors.js';
import { SIGHTING_TABLES } from '../../../samples/sightings/sighting-table.js';
import { SAMPLE_TABLES } from '../../../samples/tables.js';
import { ACCESS_TABLES } from '../../../storage/access-table.js';
import { AUDIT_TABLES } from '../../../storage/audit-table.js';
import { COMMAND_TABLES } from '../../../storage/commands/command-ledger.js';
import { type DatabaseInspection, inspectDatabase } from '../../../storage/inspect-database.js';
import { META_TABLES } from '../../../storage/meta-table.js';
import { newerTables } from '../../../storage/migrate.js';
import { OUTBOX_TABLES } from '../../../storage/outbox-table.js';
import { REPORT_TABLES } from '../../../storage/report-log.js';
import { damagedFile, storeError } from '../../../storage/store-error.js';
import { SYNC_TABLES } from '../../../sync/sync-table.js';
import { damageOf } from '../../safekeeping/examine-state.js';
import { type Finding, failed, ok, type RobotContext, skipped } from '../doctor-check.js';

/** Versions of the tables that this headland knows. */
const KNOWN_VERSIONS: Readonly<Record<string, number>> = {
  samples: SAMPLE_TABLES.length,
  audit: AUDIT_TABLES.length,
  commands: COMMAND_TABLES.length,
  meta: META_TABLES.length,
  outbox: OUTBOX_TABLES.length,
  reports: REPORT_TABLES.length,
  sightings: SIGHTING_TABLES.length,
  sync: SYNC_TABLES.length,
  access: ACCESS_TABLES.length,
};

/** Whether the database is undamaged, and of a version that this headland can use. */
export async function checkStore({ config, daemon }: RobotContext): Promise<Finding[]> {
  const path = join(config.paths.stateDir, 'headland.db');
  const inUse = await daemon.running();
  const seen = inUse ? null : damageOf(config);
  if (seen !== null) return [failed(seen)];
  let inspection: DatabaseInspection | 'interrupted';
  try {
    if (statSync(path).size === 0) return [ok(`${path} is still empty`)];
    accessSync(path, constants.R_OK);
    inspection = inspectDatabase(path, { inUse });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [ok(`no database yet: the first start creates ${path}`)];
    throw isHeadlandError(error) ? error : storeError(error, path);
  }
  if (inspection === 'interrupted') {
    return [
      skipped(
        `the last daemon was ended abruptly, and ${path} is too large for a copy: the next start completes it; check it then`,
      ),
    ];
  }
  const { damage, versions, bytes } = inspection;
  if (damage.length > 0) return [failed(damagedFile(path, damage.slice(0, 3).join('; ')))];
  for (const [room, version] of versions) {
    const known = KNOWN_VERSIONS[room];
    if (known !== undefined && version > known) {
      return [failed(newerTables(path, room, version, known))];
    }
  }
  const old = [...versions].some(([room, version]) => version < (KNOWN_VERSIONS[room] ?? 0));
  const schema = old ? 'of an earlier version, which the next start updates' : 'of this version';
  return [ok(`${path}: every page is intact, tables ${schema}`, { facts: { path, bytes } })];
}
