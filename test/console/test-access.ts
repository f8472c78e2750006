import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Listening } from '../../src/agent/access/listening.js';
import { type AccessClocks, RobotAccess } from '../../src/agent/access/robot-access.js';
import { AuditTrail } from '../../src/agent/audit-trail.js';
import { silentLog } from '../../src/base/log.js';
import { AccessTable } from '../../src/storage/access-table.js';
import { AuditLog } from '../../src/storage/audit-table.js';
import { type Database, openDatabase } from '../../src/storage/database.js';
import { Meta } from '../../src/storage/meta-table.js';

export const LISTENING: Listening = {
  scheme: 'http',
  host: '192.168.4.1',
  port: 8_090,
  names: [],
  fingerprintSha256: null,
  tokenFile: null,
};

interface AccessOptions {
  sessionDays?: number;
  clocks?: AccessClocks;
  listening?: Listening;
}

/** Who may use a page, as the daemon decides it. */
export function accessIn(database: Database, options: AccessOptions = {}): RobotAccess {
  const { sessionDays = 90, clocks, listening = LISTENING } = options;
  return new RobotAccess({
    table: new AccessTable(database),
    meta: new Meta(database),
    audit: new AuditTrail(new AuditLog(database), silentLog()),
    sessionDays,
    listening: () => listening,
    ...(clocks ? { clocks } : {}),
  });
}

/** {@link accessIn} in a database of its own, which lasts as long as the process. */
export function newAccess(options: AccessOptions = {}): RobotAccess {
  const folder = mkdtempSync(join(tmpdir(), 'headland-access-'));
  process.setMaxListeners(100);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return accessIn(openDatabase(join(folder, 'headland.db')), options);
}

/** A secret that pairs one device, as the command offers it. */
export async function offered(access: RobotAccess, minutes = 10): Promise<string> {
  const { links } = await access.offerLinks(minutes, { source: 'cli' });
  return new URL(links[0]!).hash.replace('#pair=', '');
}
