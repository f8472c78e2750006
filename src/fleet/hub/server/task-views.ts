import type {
  ClassSummary,
  HeadSummary,
  RolloutState,
  RoundSummary,
  TaskDetail,
  TaskSummary,
} from '../../contract/hub-api.js';
import { countAsked } from '../lead/rollout-rules.js';
import { askedRobots } from '../lead/rollout-step.js';
import type { RobotScore } from '../lead/round-answers.js';
import type { HubConfig } from '../settings/hub-schema.js';
import type { HubTables } from '../store/hub-store.js';
import type { HeadRow } from '../store/tables/head-rows.js';
import type { RolloutRow } from '../store/tables/rollout-rows.js';
import type { RoundRow } from '../store/tables/round-rows.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';

type ViewConfig = Pick<HubConfig, 'learning' | 'rollout' | 'onlineMs'>;

/** Newest heads and rounds in a detail. */
const LISTED = 50;

export async function taskSummary(
  tables: HubTables,
  config: ViewConfig,
  scope: ScopeRow,
  nowMs: number,
): Promise<TaskSummary> {
  const sums = await tables.contributions.used(scope.id, 'sums');
  const moments = await tables.contributions.used(scope.id, 'moment');
  const head = await tables.heads.newest(scope.id);
  const round = await tables.rounds.newest(scope.id);
  const rollout = await tables.rollouts.newest(scope.id);
  const total = (rows: readonly { samples: number }[]): number =>
    rows.reduce((sum, row) => sum + row.samples, 0);
  return {
    task: scope.task,
    backbone: scope.backbone,
    backboneName: scope.backboneName,
    featureSize: scope.featureSize,
    basis:
      scope.basisChecksum === null
        ? null
        : {
            checksum: scope.basisChecksum,
            directions: scope.directions ?? scope.featureSize,
            atMs: scope.basisAtMs ?? 0,
          },
    moment: { samples: total(moments), needed: config.learning.basisMinSamples },
    robots: sums.length,
    samples: total(sums),
    classes: (await classesOf(tables, scope)).length,
    head: head === null ? null : await headSummary(tables, scope, head),
    round: round === null ? null : await roundSummary(tables, round),
    rollout: rollout === null ? null : await rolloutState(tables, config, rollout, nowMs),
  };
}

export async function taskDetail(
  tables: HubTables,
  config: ViewConfig,
  scope: ScopeRow,
  nowMs: number,
): Promise<TaskDetail> {
  const heads: HeadSummary[] = [];
  for (const head of await tables.heads.list(scope.id, LISTED)) {
    heads.push(await headSummary(tables, scope, head));
  }
  const rounds: RoundSummary[] = [];
  for (const round of await tables.rounds.list(scope.id, LISTED)) {
    rounds.push(await roundSummary(tables, round));
  }
  return {
    ...(await taskSummary(tables, config, scope, nowMs)),
    classList: await classesOf(tables, scope),
    aliases: await tables.names.aliases(scope.id),
    neverShare: await tables.names.neverShared(scope.id),
    heads,
    rounds,
  };
}

/** Classes by the names of the fleet, and who taught them. */
async function classesOf(tables: HubTables, scope: ScopeRow): Promise<ClassSummary[]> {
  const aliases = await tables.names.aliases(scope.id);
  const never = await tables.names.neverShared(scope.id);
  const nameOf = new Map(aliases.map(({ label, instead }) => [label, instead]));
  const byName = new Map<string, ClassSummary>();
  const classOf = (label: string): ClassSummary => {
    const known = byName.get(label) ?? {
      label,
      samples: 0,
      taughtBy: [],
      alsoCalled: aliases.filter(({ instead }) => instead === label).map((alias) => alias.label),
      neverShare: never.includes(label),
      leftOut: null,
    };
    byName.set(label, known);
    return known;
  };
  for (const { robot, label, samples } of await taughtIn(tables, scope)) {
    addTeacher(classOf(nameOf.get(label) ?? label), robot, samples);
  }
  for (const label of never) classOf(label);
  await addScores(tables, scope, byName);
  return [...byName.values()].sort((a, b) => (a.label < b.label ? -1 : 1));
}

/** What counts of each robot, by its own labels. */
async function taughtIn(
  tables: HubTables,
  scope: ScopeRow,
): Promise<{ robot: string; label: string; samples: number }[]> {
  const used = new Set(
    (await tables.contributions.used(scope.id, 'sums')).map(({ robot }) => robot),
  );
  return (await tables.contributions.list('sums'))
    .filter((row) => row.scope === scope.id && used.has(row.robot))
    .flatMap(({ robot, classes }) =>
      (JSON.parse(classes) as { label: string; samples: number }[]).map(({ label, samples }) => {
        return { robot, label, samples };
      }),
    );
}

function addTeacher(found: ClassSummary, robot: string, samples: number): void {
  found.samples += samples;
  const known = found.taughtBy.find((teacher) => teacher.robot === robot);
  if (known) known.samples += samples;
  else found.taughtBy.push({ robot, samples });
}

async function addScores(
  tables: HubTables,
  scope: ScopeRow,
  byName: ReadonlyMap<string, ClassSummary>,
): Promise<void> {
  for (const { leftOut } of await tables.robotTasks.ofScope(scope.id)) {
    const { classes = [] } = JSON.parse(leftOut ?? '{}') as Partial<RobotScore>;
    for (const { label, samples, right } of classes) {
      const found = byName.get(label);
      if (!found) continue;
      const before = found.leftOut ?? { samples: 0, right: 0 };
      found.leftOut = { samples: before.samples + samples, right: before.right + right };
    }
  }
}

async function headSummary(
  tables: HubTables,
  scope: ScopeRow,
  head: HeadRow,
): Promise<HeadSummary> {
  const states = { serving: 0, trial: 0, refused: 0, rolledBack: 0, other: 0 };
  for (const { version, state, robots } of await tables.robotTasks.headStates(scope.id)) {
    if (version !== head.version) continue;
    if (state === 'serving') states.serving += robots;
    else if (state === 'trial') states.trial += robots;
    else if (state === 'refused') states.refused += robots;
    else if (state === 'rolled_back') states.rolledBack += robots;
    else states.other += robots;
  }
  return {
    version: head.version,
    atMs: head.atMs,
    round: head.round,
    labels: JSON.parse(head.labels) as string[],
    samples: head.samples,
    robots: head.robots,
    lambda: head.lambda,
    scale: head.scale,
    bytes: head.bytes,
    leftOut: head.leftOut === null ? null : (JSON.parse(head.leftOut) as HeadSummary['leftOut']),
    states,
  };
}

async function roundSummary(tables: HubTables, round: RoundRow): Promise<RoundSummary> {
  const asked = await tables.rounds.asked(round.scope, round.round);
  return {
    round: round.round,
    startedAtMs: round.startedAtMs,
    endedAtMs: round.endedAtMs,
    state: round.state,
    asked: asked.length,
    answered: asked.filter(({ answeredAtMs }) => answeredAtMs !== null).length,
    robots: round.robots,
    samples: round.samples,
    reason: round.reason,
    headVersion: round.headVersion,
  };
}

async function rolloutState(
  tables: HubTables,
  { rollout: { stages }, onlineMs }: ViewConfig,
  row: RolloutRow,
  nowMs: number,
): Promise<RolloutState> {
  const asked = await askedRobots(tables, row, stages.length, nowMs - onlineMs);
  const robots = await tables.rollouts.robots(row.scope, row.version);
  return {
    version: row.version,
    previousVersion: row.previousVersion,
    state: row.state,
    stage: row.stage,
    stages: stages.map((share, stage) => {
      return { share, robots: robots.filter((one) => one.stage <= stage).length };
    }),
    stageStartedAtMs: row.stageStartedAtMs,
    robots: countAsked(asked),
    reason: row.reason,
    by: row.startedBy,
  };
}
