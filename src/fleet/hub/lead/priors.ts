import { sha256Hex } from '../../../base/hash.js';
import { FOR_ALL } from '../store/tables/object-rows.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';
import { type LeadContext, leading } from './lead-context.js';
import { loadTask } from './round-step.js';

/**
 * After this time a prior makes room for those of other robots: its robot is away, or held. It gets
 * another one in its turn.
 */
const LEASE_MS = 600_000;

export interface MissingPrior {
  robot: string;
  scope: ScopeRow;
  version: number;
}

export interface PriorRoom {
  /** Another prior may be made. */
  isRoom: boolean;
  /** Names of robots whose prior was removed before they decided. */
  evicted: string[];
}

/** Looks whether another prior may be made. Where the room is used up, old ones make place. */
export async function makeRoomForPriors(context: LeadContext, nowMs: number): Promise<PriorRoom> {
  const { maxPriorBytes } = context.config.limits;
  return leading(context, async ({ objects, robotTasks }) => {
    const isRoom = async (): Promise<boolean> => (await objects.bytesOf('prior')) < maxPriorBytes;
    if (await isRoom()) return { isRoom: true, evicted: [] };
    // Those that robots without sums share stay until the last of these has decided.
    if ((await objects.removeUnusedPriors()) > 0 && (await isRoom())) {
      return { isRoom: true, evicted: [] };
    }
    if ((await objects.removeOlder('prior', nowMs - LEASE_MS)) === 0) {
      return { isRoom: false, evicted: [] };
    }
    return { isRoom: await isRoom(), evicted: await robotTasks.withoutPrior() };
  });
}

/**
 * Sums of all other robots, for robots that get a head, as far as there is room. Robots without sums of their
 * own share one.
 * @returns names of robots whose prior made place
 */
export async function makePriors(
  context: LeadContext,
  missing: readonly MissingPrior[],
  nowMs: number,
): Promise<string[]> {
  const evicted: string[] = [];
  const scopes = new Map(missing.map(({ scope }) => [scope.id, scope]));
  for (const scope of scopes.values()) {
    const hasSums = scope.basisChecksum !== null && (await loadTask(context, scope));
    for (const { robot, version } of missing.filter((one) => one.scope.id === scope.id)) {
      const room = await makeRoomForPriors(context, nowMs);
      evicted.push(...room.evicted);
      if (!room.isRoom) return evicted;
      const own = await leading(context, ({ contributions }) =>
        contributions.mergedBytes(scope.id, robot),
      );
      const bytes = hasSums ? await context.thread.call('prior', own) : null;
      const isMade = await leading(context, async (tables) => {
        const { objects, robotTasks } = tables;
        await tables.scopes.lock(scope.id);
        // A robot withdrew while the prior was made: its sums are in it. The next merge takes them out.
        if (bytes !== null && (await tables.contributions.holdWithdrawn(scope.id))) return false;
        const object = bytes === null ? '' : sha256Hex(bytes);
        await objects.removeFor(robot, scope.id, 'prior');
        if (bytes !== null) {
          await objects.put({
            object,
            robot: own === null ? FOR_ALL : robot,
            kind: 'prior',
            scope: scope.id,
            purpose: version,
            chunkBytes: context.config.limits.chunkBytes,
            bytes,
            atMs: nowMs,
          });
        }
        await robotTasks.setPrior(robot, scope.id, version, object);
        return true;
      });
      if (!isMade) return evicted;
    }
  }
  return evicted;
}
