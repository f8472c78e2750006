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

/** Whether another prior may be made. Where the room is used up, old ones make place. */
export async function isRoomForPriors(context: LeadContext, nowMs: number): Promise<boolean> {
  const { maxPriorBytes } = context.config.limits;
  return leading(context, async ({ objects, robotTasks }) => {
    if ((await objects.bytesOf('prior')) < maxPriorBytes) return true;
    if ((await objects.removeOlder('prior', nowMs - LEASE_MS)) === 0) return false;
    await robotTasks.touchWithoutPrior();
    return (await objects.bytesOf('prior')) < maxPriorBytes;
  });
}

/**
 * Sums of all other robots, for robots that get a head, as far as there is room. Robots without sums of their
 * own share one.
 */
export async function makePriors(
  context: LeadContext,
  missing: readonly MissingPrior[],
  nowMs: number,
): Promise<void> {
  const scopes = new Map(missing.map(({ scope }) => [scope.id, scope]));
  for (const scope of scopes.values()) {
    const hasSums = scope.basisChecksum !== null && (await loadTask(context, scope));
    for (const { robot, version } of missing.filter((one) => one.scope.id === scope.id)) {
      if (!(await isRoomForPriors(context, nowMs))) return;
      const own = await leading(context, ({ contributions }) =>
        contributions.mergedBytes(scope.id, robot),
      );
      const bytes = hasSums ? await context.thread.call('prior', own) : null;
      await leading(context, async ({ objects, robotTasks }) => {
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
      });
    }
  }
}
