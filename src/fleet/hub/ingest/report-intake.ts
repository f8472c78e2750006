import { type Reported, type ReportedTask, reportedSchema } from '../../contract/reported.js';
import { hasDealtWith } from '../lead/rollout-rules.js';
import type { HubStore, HubTables } from '../store/hub-store.js';
import { BY_HUB } from '../store/tables/audit-rows.js';
import type { RobotRow } from '../store/tables/robot-rows.js';

export interface IntakeLimits {
  maxRobots: number;
  maxTasks: number;
}

/** What names of backbones may consist of: they stand in paths and logs. */
const PLAIN = /^[\x21-\x7e]+$/;

/** Takes what robots report. A report may come twice, late, and to several hubs. */
export class ReportIntake {
  constructor(
    private readonly store: HubStore,
    private readonly limits: IntakeLimits,
  ) {}

  /** @throws HeadlandError HL_FLEET_STORE_UNAVAILABLE, HL_STORE_…: it is not stored */
  async take(robot: string, payload: Uint8Array, nowMs = Date.now()): Promise<void> {
    // An empty retained message deletes the one before.
    if (payload.length === 0) return;
    const report = readReport(payload);
    await this.store.transaction(async (tables) => {
      if (report === null) {
        await tables.robots.count(robot, 'refused');
        return;
      }
      if (!(await isRoomFor(tables, robot, this.limits.maxRobots))) return;
      const row = await tables.robots.enter(robot, report.epoch, nowMs);
      if (row === null || report.number <= row.reportNumber) {
        // Each replica hears each report: the second of them is no replay.
        if (row === null || report.number < row.reportNumber) {
          await tables.robots.count(robot, 'replayed');
        }
        return;
      }
      await this.#store(tables, row, report, nowMs);
    });
  }

  async #store(tables: HubTables, row: RobotRow, report: Reported, nowMs: number): Promise<void> {
    const { robot } = row;
    const { tasks, ...rest } = report;
    await tables.robots.report(row, {
      robot,
      reportNumber: report.number,
      seenAtMs: nowMs,
      report: JSON.stringify(rest),
      share: report.share ? 1 : 0,
      private: report.privacy === null ? 0 : 1,
    });
    await tables.robotTasks.unlist(robot);
    const scopes = await tables.scopes.list();
    for (const task of tasks) {
      const { name, checksum, feature_size: featureSize } = task.backbone;
      if (!PLAIN.test(checksum)) continue;
      const known = scopes.find((one) => one.task === task.task && one.backbone === checksum);
      if (!known && scopes.length >= this.limits.maxTasks) continue;
      const scope =
        known ??
        (await tables.scopes.ensure({
          task: task.task,
          backbone: checksum,
          backboneName: name.replaceAll('\0', ''),
          featureSize,
        }));
      if (!known) scopes.push(scope);
      await tables.robotTasks.report({
        robot,
        scope: scope.id,
        report: JSON.stringify(task),
        headVersion: task.head?.fleet_version ?? null,
        headState: task.head?.state ?? null,
      });
      await dropPrior(tables, robot, scope.id, task);
    }
    if (!report.share && row.share === 1) await withdraw(tables, robot, nowMs);
  }
}

/** Whether the hub knows the robot, or has room for one more. */
export async function isRoomFor(
  tables: HubTables,
  robot: string,
  maxRobots: number,
): Promise<boolean> {
  if ((await tables.robots.find(robot)) !== null) return true;
  const row = await tables.sql.first<{ robots: number }>('SELECT COUNT(*) AS robots FROM robots');
  return (row?.robots ?? 0) < maxRobots;
}

/** Some MB for each robot: they go as soon as the robot has decided about the head. */
async function dropPrior(
  tables: HubTables,
  robot: string,
  scope: number,
  { head }: ReportedTask,
): Promise<void> {
  if (head === null) return;
  const isDone = hasDealtWith(
    { headVersion: head.fleet_version, headState: head.state },
    head.fleet_version,
  );
  if (!isDone || !(await tables.robotTasks.dropPrior(robot, scope, head.fleet_version))) return;
  await tables.objects.removeFor(robot, scope, 'prior');
}

/** Forgets all that a robot has sent; the leader subtracts what is merged of it. */
export async function withdraw(tables: HubTables, robot: string, nowMs: number): Promise<void> {
  for (const { scope, kind } of await tables.contributions.ofRobot(robot)) {
    if (kind === 'sums') await dropMixtures(tables, scope, nowMs);
  }
  await tables.contributions.withdraw(robot);
  await tables.uploads.removeAll(robot);
  await tables.rounds.removeAnswers(robot);
  await tables.objects.removeOfRobot(robot);
  await tables.audit.add({
    atMs: nowMs,
    by: BY_HUB,
    action: 'withdrawn',
    robot,
    task: null,
    detail: {},
  });
}

/** Deletes what holds sums of all robots together; the next round makes it anew. */
async function dropMixtures(tables: HubTables, scope: number, nowMs: number): Promise<void> {
  // No round begins or ends meanwhile.
  await tables.scopes.lock(scope);
  await tables.objects.removeBefore(scope, 'prior', Number.MAX_SAFE_INTEGER);
  const round = await tables.rounds.newest(scope);
  if (round?.state === 'judging') {
    await tables.rounds.end(scope, round.round, {
      state: 'failed',
      endedAtMs: nowMs,
      reason: 'a robot withdrew its sums',
      headVersion: null,
    });
  }
  await tables.scopes.requestRound(scope);
  await tables.robots.touch(null);
}

function readReport(payload: Uint8Array): Reported | null {
  try {
    const parsed = reportedSchema.safeParse(JSON.parse(Buffer.from(payload).toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
