import type { FollowMode } from '../../contract/hub-api.js';
import type { RolloutRow } from '../store/tables/rollout-rows.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';

export interface WantedVersion {
  /** null: nothing to follow. */
  version: number | null;
  rollBack: boolean;
}

/**
 * Which head a robot is to follow.
 * @param stage of the robot in the rollout; null: it came later, and belongs to the last stage
 */
export function wantedVersion(
  scope: Pick<ScopeRow, 'settledVersion' | 'rollBack'>,
  rollout: Pick<RolloutRow, 'version' | 'state' | 'stage'> | null,
  stage: number | null,
  stages: number,
  policy: { follow: FollowMode; version: number | null },
): WantedVersion {
  if (policy.follow === 'pinned') return { version: policy.version, rollBack: false };
  const settled = { version: scope.settledVersion, rollBack: scope.rollBack === 1 };
  if (rollout === null || rollout.state === 'rolled_back') return settled;
  if (rollout.state === 'done') return { version: rollout.version, rollBack: false };
  const isReached = (stage ?? stages - 1) <= rollout.stage;
  return isReached ? { version: rollout.version, rollBack: false } : settled;
}
