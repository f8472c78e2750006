import type {
  Disagreement,
  LeftOutScore,
  Quarantine,
  RobotDetail,
  RobotList,
  RobotSummary,
  RobotTask,
} from '../../contract/hub-api.js';
import { type Reported, reportedSchema } from '../../contract/reported.js';
import { DesiredBuilder, reportOf } from '../lead/desired-builder.js';
import type { HubConfig } from '../settings/hub-schema.js';
import type { HubTables } from '../store/hub-store.js';
import type { ContributionRow } from '../store/tables/contribution-rows.js';
import { groupSubject, type PolicyRow, policyFor } from '../store/tables/policy-rows.js';
import type { RobotRow } from '../store/tables/robot-rows.js';
import type { RobotTaskRow } from '../store/tables/robot-task-rows.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';

type ViewConfig = Pick<HubConfig, 'fleet' | 'rollout' | 'onlineMs' | 'learning'>;

const headSchema = reportedSchema.omit({ tasks: true });
const AUDIT_ENTRIES = 100;

interface Context {
  tables: HubTables;
  builder: DesiredBuilder;
  scopes: Map<number, ScopeRow>;
  sums: Map<string, ContributionRow>;
  policies: PolicyRow[];
  tasks: Map<string, RobotTaskRow[]>;
  onlineSinceMs: number;
}

export async function robotList(
  tables: HubTables,
  config: ViewConfig,
  nowMs: number,
): Promise<RobotList> {
  const context = await contextOf(tables, config, nowMs);
  const robots: RobotSummary[] = [];
  for (const row of await tables.robots.list()) robots.push(await summaryOf(row, context));
  const groups = new Map<string, number>();
  for (const { group } of robots) {
    if (group !== null) groups.set(group, (groups.get(group) ?? 0) + 1);
  }
  return {
    robots,
    groups: [...groups].sort().map(([group, count]) => {
      const policy = context.policies.find(({ subject }) => subject === groupSubject(group));
      return { group, robots: count, follow: policy?.follow ?? 'follow' };
    }),
  };
}

/** @returns null: no such robot */
export async function robotDetail(
  tables: HubTables,
  config: ViewConfig,
  robot: string,
  nowMs: number,
): Promise<RobotDetail | null> {
  const row = await tables.robots.find(robot);
  if (row === null) return null;
  const summary = await summaryOf(row, await contextOf(tables, config, nowMs));
  const { replayed, refused, accepted } = row;
  return {
    ...summary,
    counters: { replayed, refused, accepted },
    audit: await tables.audit.list(AUDIT_ENTRIES, robot, null),
  };
}

async function contextOf(tables: HubTables, config: ViewConfig, nowMs: number): Promise<Context> {
  const builder = await DesiredBuilder.create(tables, {
    fleet: config.fleet,
    stages: config.rollout.stages.length,
    allDirections: config.learning.basisDirections === 'all',
  });
  const tasks = new Map<string, RobotTaskRow[]>();
  for (const row of await tables.robotTasks.list()) {
    tasks.set(row.robot, [...(tasks.get(row.robot) ?? []), row]);
  }
  return {
    tables,
    builder,
    tasks,
    scopes: new Map((await tables.scopes.list()).map((scope) => [scope.id, scope])),
    sums: new Map(
      (await tables.contributions.list('sums')).map((row) => [`${row.scope}/${row.robot}`, row]),
    ),
    policies: await tables.policies.list(),
    onlineSinceMs: nowMs - config.onlineMs,
  };
}

async function summaryOf(row: RobotRow, context: Context): Promise<RobotSummary> {
  const report: Omit<Reported, 'tasks'> | null =
    row.report === null ? null : headSchema.parse(JSON.parse(row.report));
  const tasks: RobotTask[] = [];
  for (const task of context.tasks.get(row.robot) ?? []) {
    if (task.listed === 1) tasks.push(await taskOf(row, task, context));
  }
  const privacy = report?.privacy ?? null;
  return {
    robot: row.robot,
    group: row.team,
    online: row.seenAtMs >= context.onlineSinceMs,
    lastSeenAtMs: row.seenAtMs,
    version: report?.version ?? '',
    share: row.share === 1,
    privacy:
      privacy === null
        ? null
        : { epsilon: privacy.epsilon, delta: privacy.delta, releasesLeft: privacy.releases_left },
    position: report?.position ?? null,
    quarantine: quarantineOf(row),
    tasks,
  };
}

export function quarantineOf({ quarantine, quarantineDetail }: RobotRow): Quarantine | null {
  if (quarantine === null) return null;
  const detail = JSON.parse(quarantineDetail ?? '{}') as Partial<Quarantine>;
  return {
    state: quarantine,
    by: detail.by ?? '',
    reason: detail.reason ?? '',
    atMs: detail.atMs ?? 0,
    figures: detail.figures ?? null,
  };
}

async function taskOf(robot: RobotRow, row: RobotTaskRow, context: Context): Promise<RobotTask> {
  const scope = context.scopes.get(row.scope);
  const report = reportOf(row);
  const sums = context.sums.get(`${row.scope}/${row.robot}`) ?? null;
  const policy = policyFor(context.policies, robot.robot, robot.team, row.scope);
  const wanted = await context.builder.wanted(robot, row.scope);
  const serving = report?.serving ?? null;
  const head = report?.head ?? null;
  return {
    task: scope?.task ?? '',
    backbone: scope?.backbone ?? '',
    backboneName: scope?.backboneName ?? '',
    labels: report?.labels ?? [],
    sentSamples: sums?.samples ?? null,
    sentAtMs: sums?.atMs ?? null,
    wantedVersion: wanted.version,
    head:
      head === null
        ? null
        : { version: head.fleet_version, state: head.state, reason: head.reason },
    serving:
      serving === null
        ? null
        : {
            localVersion: serving.local_version,
            fleetVersion: serving.fleet_version,
            holdout:
              serving.holdout === null
                ? null
                : {
                    macroF1: serving.holdout.macro_f1,
                    accuracy: serving.holdout.accuracy,
                    samples: serving.holdout.samples,
                  },
          },
    ...judgedOf(row),
    unknownShare: report?.unknown_share ?? null,
    problem: report?.problem ?? null,
    refused: refusalOf(row),
    follow: policy.follow,
    pinnedVersion: policy.version,
  };
}

function judgedOf({ leftOut }: RobotTaskRow): Pick<RobotTask, 'leftOut' | 'disagreement'> {
  if (leftOut === null) return { leftOut: null, disagreement: null };
  const { round, samples, accuracy, logLoss, notKnown, disagreement } = JSON.parse(
    leftOut,
  ) as LeftOutScore & { disagreement: Disagreement | null };
  return { leftOut: { round, samples, accuracy, logLoss, notKnown }, disagreement };
}

function refusalOf({ refusal }: RobotTaskRow): RobotTask['refused'] {
  if (refusal === null) return null;
  const { code, message } = JSON.parse(refusal) as { code: string; message: string };
  return { code, message };
}
