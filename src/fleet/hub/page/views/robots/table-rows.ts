import type { RobotSummary, RobotTask } from '../../../../contract/hub-api.js';

/** What a robot's state is called in the table: what an operator should look at comes first. */
export const ROBOT_STATES = [
  'quarantined',
  'flagged',
  'refused',
  'offline',
  'withdrawn',
  'paused',
  'pinned',
  'waiting',
  'trial',
  'own',
  'serving',
] as const;
export type RobotState = (typeof ROBOT_STATES)[number];

/** How a state looks: `bad` asks for a person, `off` does not take part. */
export type Tone = 'bad' | 'off' | 'good' | 'plain';
export const TONES: Readonly<Record<RobotState, Tone>> = {
  quarantined: 'bad',
  flagged: 'bad',
  refused: 'bad',
  offline: 'off',
  withdrawn: 'off',
  paused: 'plain',
  pinned: 'plain',
  waiting: 'plain',
  trial: 'plain',
  own: 'plain',
  serving: 'good',
};

/** A robot and how it does in one task. */
export interface RobotRow {
  robot: RobotSummary;
  task: RobotTask | null;
  state: RobotState;
}

export function stateOf(robot: RobotSummary, task: RobotTask | null): RobotState {
  if (robot.quarantine !== null) return robot.quarantine.state;
  if (!robot.share) return 'withdrawn';
  if (!robot.online) return 'offline';
  if (task === null) return 'own';
  const { head, follow, serving, wantedVersion } = task;
  if (head?.state === 'refused' || head?.state === 'rolled_back') return 'refused';
  if (follow !== 'follow') return follow;
  if (head?.state === 'trial') return 'trial';
  if (wantedVersion === null) return 'own';
  return serving?.fleetVersion === wantedVersion ? 'serving' : 'waiting';
}

export function rowOf(
  robot: RobotSummary,
  isTask: ((task: RobotTask) => boolean) | null,
): RobotRow {
  const task = (isTask && robot.tasks.find(isTask)) ?? null;
  return { robot, task, state: stateOf(robot, task) };
}

export const ROBOT_COLUMNS = [
  'robot',
  'state',
  'fleetVersion',
  'localVersion',
  'holdout',
  'leftOut',
  'disagreement',
  'unknown',
  'lastSeen',
] as const;
export type RobotColumn = (typeof ROBOT_COLUMNS)[number];

const VALUES: Readonly<Record<RobotColumn, (row: RobotRow) => string | number | null>> = {
  robot: ({ robot }) => robot.robot,
  state: ({ state }) => ROBOT_STATES.indexOf(state),
  fleetVersion: ({ task }) => task?.serving?.fleetVersion ?? null,
  localVersion: ({ task }) => task?.serving?.localVersion ?? null,
  holdout: ({ task }) => task?.serving?.holdout?.accuracy ?? null,
  leftOut: ({ task }) => task?.leftOut?.accuracy ?? null,
  disagreement: ({ task }) => task?.disagreement?.excess ?? null,
  unknown: ({ task }) => task?.unknownShare ?? null,
  lastSeen: ({ robot }) => robot.lastSeenAtMs,
};

const NAMES = new Intl.Collator(undefined, { numeric: true });

/** Sorted by a column; rows without a value come last in both directions, equal ones by name. */
export function sortedRows(
  rows: readonly RobotRow[],
  { by, up }: { by: RobotColumn; up: boolean },
): RobotRow[] {
  const value = VALUES[by];
  return rows.toSorted((a, b) => {
    const [first, second] = [value(a), value(b)];
    const byName = NAMES.compare(a.robot.robot, b.robot.robot);
    if (first === null || second === null) {
      return Number(first === null) - Number(second === null) || byName;
    }
    const order =
      typeof first === 'string' || typeof second === 'string'
        ? NAMES.compare(String(first), String(second))
        : first - second;
    return (up ? order : -order) || byName;
  });
}

export interface RobotFilter {
  /** Part of the name of a robot or of a group. */
  text: string;
  state: RobotState | null;
  group: string | null;
}

export function isWanted({ robot, state }: RobotRow, filter: RobotFilter): boolean {
  if (filter.state !== null && state !== filter.state) return false;
  if (filter.group !== null && robot.group !== filter.group) return false;
  const text = filter.text.trim().toLowerCase();
  return `${robot.robot} ${robot.group ?? ''}`.toLowerCase().includes(text);
}
