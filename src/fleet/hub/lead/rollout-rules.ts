import type { HeadState } from '../../contract/reported.js';
import type { RobotTaskRow } from '../store/tables/robot-task-rows.js';
import type { RolloutRow } from '../store/tables/rollout-rows.js';

export interface RolloutSettings {
  /** Ascending to 1. */
  stages: readonly number[];
  stageMs: number;
  maxRefusedShare: number;
  maxRolledBackShare: number;
}

/** Robots that the rollout has asked, and what they did with the head. */
export interface AskedRobots {
  online: boolean;
  /** null: nothing yet. */
  state: HeadState | null;
  /** Number of them. */
  robots: number;
}

export interface RolloutCounts {
  asked: number;
  serving: number;
  refused: number;
  rolledBack: number;
  /** Of the online ones. */
  waiting: number;
}

/** Least answers that a share of refusals is made from. */
const MIN_ANSWERS = 3;

/** A held robot takes the head later, and needs the prior then. */
const DEALT_WITH: readonly string[] = [
  'serving',
  'trial',
  'refused',
  'rolled_back',
] satisfies HeadState[];

/** Whether a robot needs no prior of a head any more. */
export function hasDealtWith(
  { headVersion, headState }: Pick<RobotTaskRow, 'headVersion' | 'headState'>,
  version: number,
): boolean {
  return headVersion === version && headState !== null && DEALT_WITH.includes(headState);
}

/** Stage of each robot: the first robots of the order belong to the first stage. */
export function stagesOf(
  order: readonly string[],
  stages: readonly number[],
): { robot: string; stage: number }[] {
  // Each stage has one robot more than the one before, at least.
  const ends: number[] = [];
  for (const share of stages) {
    const least = (ends.at(-1) ?? 0) + 1;
    ends.push(Math.max(least, Math.ceil(share * order.length)));
  }
  return order.map((robot, i) => {
    const stage = ends.findIndex((end) => i < end);
    return { robot, stage: stage === -1 ? stages.length - 1 : stage };
  });
}

export function countAsked(asked: readonly AskedRobots[]): RolloutCounts {
  const counts = { asked: 0, serving: 0, refused: 0, rolledBack: 0, waiting: 0 };
  for (const { online, state, robots } of asked) {
    counts.asked += robots;
    if (state === 'serving' || state === 'trial') counts.serving += robots;
    else if (state === 'refused') counts.refused += robots;
    else if (state === 'rolled_back') counts.rolledBack += robots;
    else if (online && state !== 'held') counts.waiting += robots;
  }
  return counts;
}

export type RolloutChange = Pick<RolloutRow, 'state' | 'stage' | 'reason'>;

/**
 * What a running rollout does next.
 * @param asked of the present stage and of those before
 * @param stageAgeMs time since the stage began
 * @returns null: nothing
 */
export function nextOfRollout(
  rollout: Pick<RolloutRow, 'state' | 'stage'>,
  asked: readonly AskedRobots[],
  stageAgeMs: number,
  settings: RolloutSettings,
): RolloutChange | null {
  if (rollout.state !== 'running') return null;
  const counts = countAsked(asked);
  const reason = whyStopped(counts, settings);
  if (reason !== null) return { state: 'stopped', stage: rollout.stage, reason };
  const answers = counts.serving + counts.refused + counts.rolledBack;
  const isLast = rollout.stage >= settings.stages.length - 1;
  // A stage of robots that are all away proves nothing.
  if (counts.waiting > 0 || answers === 0 || stageAgeMs < settings.stageMs) return null;
  return isLast
    ? { state: 'done', stage: rollout.stage, reason: null }
    : { state: 'running', stage: rollout.stage + 1, reason: null };
}

function whyStopped(
  { serving, refused, rolledBack }: RolloutCounts,
  { maxRefusedShare, maxRolledBackShare }: RolloutSettings,
): string | null {
  const answers = serving + refused + rolledBack;
  if (rolledBack > maxRolledBackShare * answers) {
    return `${rolledBack} of ${answers} robots rolled it back`;
  }
  if (answers >= MIN_ANSWERS && refused > maxRefusedShare * answers) {
    return `${refused} of ${answers} robots refused it`;
  }
  return null;
}
