import type { HubTables } from '../store/hub-store.js';
import { BY_HUB } from '../store/tables/audit-rows.js';

/** Refused objects of a robot within {@link WINDOW_MS} that quarantine it. */
const FAULTS = 3;
const WINDOW_MS = 86_400_000;

/** The code of what cannot be an object of a robot: a fault of its content, not of another basis or backbone. */
const CONTENT = 'HL_FLEET_OBJECT_INVALID';

/**
 * Quarantines a robot of which the hub has refused several objects for their content within a day, and since an
 * operator released it. Call it when the audit has the newest refusal.
 * @param automatic false: it is flagged only
 */
export async function quarantineFaulty(
  tables: HubTables,
  robot: string,
  { task, code, message }: { task: string; code: string; message: string },
  automatic: boolean,
  nowMs: number,
): Promise<void> {
  if (code !== CONTENT) return;
  const row = await tables.robots.find(robot);
  const state = automatic ? 'quarantined' : 'flagged';
  if (row === null || row.quarantine === 'quarantined' || row.quarantine === state) return;
  const sinceMs = Math.max(nowMs - WINDOW_MS, row.releasedAtMs);
  const objects = new Set<unknown>();
  for (const { atMs, detail } of await tables.audit.ofAction(robot, 'refused', FAULT_ENTRIES)) {
    if (atMs > sinceMs && detail.code === CONTENT) objects.add(detail.object);
  }
  if (objects.size < FAULTS) return;
  const reason = `${objects.size} objects within a day were refused for their content; the newest: ${message}`;
  const detail = { by: BY_HUB, reason, atMs: nowMs, figures: null };
  await tables.robots.quarantine(robot, state, detail, nowMs);
  await tables.audit.add({
    atMs: nowMs,
    by: BY_HUB,
    action: state,
    robot,
    task,
    detail: { reason, objects: objects.size },
  });
}

/** Newest refusals that are looked at: others may stand between those of content. */
const FAULT_ENTRIES = 100;
