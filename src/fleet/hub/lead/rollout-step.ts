import { HEAD_STATES } from '../../contract/reported.js';
import type { HubTables } from '../store/hub-store.js';
import { BY_HUB } from '../store/tables/audit-rows.js';
import type { RolloutRow } from '../store/tables/rollout-rows.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';
import { type LeadContext, leading } from './lead-context.js';
import { type AskedRobots, nextOfRollout, stagesOf } from './rollout-rules.js';

/** Begins the rollout of a new head: robots that can prove it come first. */
export async function beginRollout(
  tables: HubTables,
  scope: ScopeRow,
  version: number,
  stages: readonly number[],
  onlineSinceMs: number,
  nowMs: number,
): Promise<void> {
  const order = (await tables.contributions.followers(scope.id, onlineSinceMs))
    .sort((a, b) => b.online - a.online || b.samples - a.samples || (a.robot < b.robot ? -1 : 1))
    .map(({ robot }) => robot);
  const isHeld = scope.holdRollouts === 1;
  await tables.rollouts.begin(
    {
      scope: scope.id,
      version,
      state: isHeld ? 'paused' : 'running',
      stage: isHeld ? -1 : 0,
      stageStartedAtMs: nowMs,
      previousVersion: scope.settledVersion,
      reason: isHeld ? 'an operator rolled back: resume the rollout when the reason is gone' : null,
      startedBy: BY_HUB,
    },
    stagesOf(order, stages),
  );
  await tables.robots.touch(null);
}

/** Robots that a rollout has asked so far. */
export async function askedRobots(
  tables: HubTables,
  rollout: RolloutRow,
  stages: number,
  onlineSinceMs: number,
): Promise<AskedRobots[]> {
  const rows = await tables.rollouts.asked(rollout, stages - 1, onlineSinceMs);
  return rows.map(({ online, state, robots }) => ({
    online: online === 1,
    state: HEAD_STATES.find((known) => known === state) ?? null,
    robots,
  }));
}

/** Moves the rollout of a task on, or stops it. */
export async function moveRollout(
  context: LeadContext,
  scope: ScopeRow,
  nowMs: number,
): Promise<void> {
  const { rollout: settings, onlineMs } = context.config;
  await leading(context, async (tables) => {
    const rollout = await tables.rollouts.newest(scope.id);
    if (rollout === null || rollout.state !== 'running') return;
    const asked = await askedRobots(tables, rollout, settings.stages.length, nowMs - onlineMs);
    const change = nextOfRollout(rollout, asked, nowMs - rollout.stageStartedAtMs, settings);
    if (change === null) return;
    await tables.rollouts.change({
      scope: scope.id,
      version: rollout.version,
      state: change.state,
      stage: change.stage,
      stageStartedAtMs: nowMs,
      reason: change.reason,
    });
    if (change.state === 'done') await tables.scopes.settle(scope.id, rollout.version, false);
    await tables.robots.touch(null);
    await tables.audit.add({
      atMs: nowMs,
      by: BY_HUB,
      action: `rollout-${change.state === 'running' ? 'stage' : change.state}`,
      robot: null,
      task: scope.task,
      detail: { version: rollout.version, stage: change.stage, reason: change.reason },
    });
  });
}
