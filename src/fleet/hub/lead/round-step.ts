import { sha256Hex } from '../../../base/hash.js';
import { RIDGE_LAMBDAS } from '../../../head/learners/ridge.js';
import type { HubTables } from '../store/hub-store.js';
import { BY_HUB } from '../store/tables/audit-rows.js';
import { FOR_ALL } from '../store/tables/object-rows.js';
import { type PolicyRow, policyFor } from '../store/tables/policy-rows.js';
import type { RoundRow } from '../store/tables/round-rows.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';
import { readMerged } from './exact-merge.js';
import { type LeadContext, leading } from './lead-context.js';
import { disagreementOf, outlierLimits, outliers } from './outliers.js';
import { beginRollout } from './rollout-step.js';
import { type RoundResult, resultOfRound } from './round-answers.js';

interface AskableRobot {
  robot: string;
  /** What the merged sums hold of it; null: nothing. */
  object: string | null;
}

/** Loads the merged sums of a task into the thread. @returns false: there are none */
export async function loadTask(context: LeadContext, scope: ScopeRow): Promise<boolean> {
  const { directions, basisChecksum } = scope;
  if (directions === null || basisChecksum === null) return false;
  const task = await leading(context, async (tables) => {
    const classes = await readMerged(tables, scope.id, directions);
    return {
      backbone: scope.backbone,
      featureSize: scope.featureSize,
      basisChecksum,
      directions,
      classes: classes.map(({ label, merged: { robots, sums } }) => {
        return { label, robots, coarse: sums.coarse, fine: sums.fine };
      }),
      aliases: await tables.names.aliases(scope.id),
      neverShared: await tables.names.neverShared(scope.id),
      variance: (await tables.contributions.noises(scope.id)).reduce(
        (sum, sigma) => sum + sigma ** 2,
        0,
      ),
    };
  });
  if (task.classes.length === 0) return false;
  await context.thread.call('load', task);
  return true;
}

/** Whether a round should begin now. */
export async function isRoundDue(
  context: LeadContext,
  scope: ScopeRow,
  nowMs: number,
): Promise<boolean> {
  if (scope.basisChecksum === null) return false;
  return leading(context, async (tables) => {
    const newest = await tables.rounds.newest(scope.id);
    if (newest?.state === 'judging') return false;
    if (scope.roundRequested === 1) return true;
    if (scope.changes === scope.changesOfRound) return false;
    const { roundIntervalMs, settleMs } = context.config.learning;
    const ageMs = nowMs - (newest?.startedAtMs ?? 0);
    if (ageMs < roundIntervalMs) return false;
    const newestMs = await tables.contributions.newestMs(scope.id);
    return nowMs - newestMs >= settleMs || (newest !== null && ageMs >= 2 * roundIntervalMs);
  });
}

/** Makes the candidates of a round, and asks robots to judge them. */
export async function beginRound(
  context: LeadContext,
  scope: ScopeRow,
  nowMs: number,
): Promise<void> {
  const { thread, config, log } = context;
  const nothing = (): Promise<void> =>
    leading(context, (tables) => tables.scopes.roundBegan(scope.id));
  const asked = await leading(context, async (tables) => {
    const robots = await askable(
      tables,
      scope,
      config.learning.evaluationRobots,
      nowMs - config.onlineMs,
    );
    const merged = await tables.contributions.merged(scope.id);
    return { robots, merged: merged.length };
  });
  if (!(await loadTask(context, scope))) return nothing();
  const snapshot = await thread.call('snapshot', null);
  if (snapshot.labels.length < 2) return nothing();
  const made: { robot: string; bytes: Uint8Array }[] = [];
  for (const { robot, object } of asked.robots) {
    const own = await leading(context, (tables) => ownSums(tables, scope.id, robot, object));
    // It sent others meanwhile: the loaded sums do not hold them.
    if (own === undefined) continue;
    const bytes = await thread.call('candidates', own);
    if (bytes !== null) made.push({ robot, bytes });
  }
  const { chunkBytes } = config.limits;
  await leading(context, async (tables) => {
    // A robot that withdraws from now on finds the round, and ends it.
    await tables.scopes.lock(scope.id);
    // One that withdrew while the candidates were made: its sums are in them. The next merge takes them out.
    if (await tables.contributions.holdWithdrawn(scope.id)) return;
    const round = ((await tables.rounds.newest(scope.id))?.round ?? 0) + 1;
    await tables.rounds.begin({
      scope: scope.id,
      round,
      state: 'judging',
      startedAtMs: nowMs,
      endedAtMs: null,
      robots: asked.merged,
      samples: snapshot.samples,
      labels: JSON.stringify(snapshot.labels),
      reason: null,
      headVersion: null,
      snapshot: snapshot.bytes,
    });
    await tables.objects.removeBefore(scope.id, 'candidates', round - 1);
    for (const { robot, bytes } of made) {
      if ((await tables.robots.find(robot))?.share !== 1) continue;
      const object = sha256Hex(bytes);
      await tables.objects.put({
        object,
        robot,
        kind: 'candidates',
        scope: scope.id,
        purpose: round,
        chunkBytes,
        bytes,
        atMs: nowMs,
      });
      await tables.rounds.ask(scope.id, round, robot, object);
      await tables.robots.touch(robot);
    }
    // What was merged while the candidates were made belongs to the next round.
    await tables.sql.run(
      'UPDATE scopes SET changes_of_round = ?, round_requested = 0 WHERE id = ?',
      scope.changes,
      scope.id,
    );
    log.info({ task: scope.task, round, asked: made.length }, 'a round begins');
  });
}

/** @returns null: it has none; undefined: they are not those of `object` any more */
async function ownSums(
  tables: HubTables,
  scope: number,
  robot: string,
  object: string | null,
): Promise<Uint8Array | null | undefined> {
  const row = await tables.contributions.find(scope, robot, 'sums');
  if ((row?.mergedObject ?? null) !== object) return undefined;
  return object === null ? null : tables.contributions.mergedBytes(scope, robot);
}

/** Robots that can judge, another choice in each round; suspect ones always. */
async function askable(
  tables: HubTables,
  scope: ScopeRow,
  limit: number,
  onlineSinceMs: number,
): Promise<AskableRobot[]> {
  const round = ((await tables.rounds.newest(scope.id))?.round ?? 0) + 1;
  const rows = await tables.sql.all<
    AskableRobot & { quarantine: string | null; team: string | null }
  >(
    `SELECT t.robot, r.quarantine, r.team, c.merged_object AS object FROM robot_tasks t
       JOIN robots r ON r.robot = t.robot
       LEFT JOIN contributions c ON c.scope = t.scope AND c.robot = t.robot AND c.kind = 'sums'
     WHERE t.scope = ? AND t.listed = 1 AND r.share = 1 AND r.private = 0 AND r.seen_at_ms >= ?
       AND (r.quarantine IS NULL OR r.quarantine = 'flagged')`,
    scope.id,
    onlineSinceMs,
  );
  const policies = await tables.policies.list();
  const turn = (robot: string): string => sha256Hex(`${round}/${robot}`);
  return rows
    .filter(({ robot, team }) => !isPaused(policies, robot, team, scope.id))
    .map((row) => ({
      row,
      first: row.quarantine !== null || row.object !== null,
      turn: turn(row.robot),
    }))
    .sort((a, b) => Number(b.first) - Number(a.first) || (a.turn < b.turn ? -1 : 1))
    .slice(0, limit)
    .map(({ row: { robot, object } }) => ({ robot, object }));
}

/** A paused robot sends nothing. */
function isPaused(
  policies: readonly PolicyRow[],
  robot: string,
  team: string | null,
  scope: number,
): boolean {
  return policyFor(policies, robot, team, scope).follow === 'paused';
}

/** Ends the round of a task when the robots have answered: a head, or the reason why there is none. */
export async function endRound(
  context: LeadContext,
  scope: ScopeRow,
  nowMs: number,
): Promise<void> {
  const { config } = context;
  const ready = await leading(context, async (tables) => {
    const round = await tables.rounds.newest(scope.id);
    if (round?.state !== 'judging') return null;
    if (!(await isAnswered(tables, round, config, nowMs))) return null;
    const snapshot = await tables.rounds.snapshot(scope.id, round.round);
    const answers = await tables.rounds.answers(scope.id, round.round);
    const before = await tables.heads.newest(scope.id);
    const basis =
      scope.basisObject === null
        ? null
        : ((await tables.objects.fetch(scope.basisObject, FOR_ALL))?.bytes ?? null);
    return { round, snapshot, answers, before, basis };
  });
  if (ready === null) return;
  const { round, snapshot, answers, before, basis } = ready;
  const result = resultOfRound(round.round, answers, before);
  const contrary = await leading(context, async (tables) => {
    await noteScores(tables, context, scope, result, nowMs);
    return quarantinedSince(tables, round.startedAtMs);
  });
  if (contrary.length > 0 || snapshot === null) {
    const reason = `made with sums of ${contrary.join(', ')}, now quarantined`;
    await leading(context, async (tables) => {
      await tables.rounds.end(scope.id, round.round, {
        state: 'failed',
        endedAtMs: nowMs,
        reason,
        headVersion: null,
      });
      await tables.scopes.requestRound(scope.id);
    });
    return;
  }
  const { lambdaIndex, scale } = result;
  const lambda = RIDGE_LAMBDAS[lambdaIndex] ?? 1;
  const { featureSize } = scope;
  const { novelty } = result;
  const recipe = { snapshot, featureSize, basis, lambda, scale, novelty };
  const head = await context.thread.call('head', recipe);
  await leading(context, async (tables) => {
    // While the head was made, a robot may have withdrawn, which ends the round, or been quarantined, which the
    // next look at the round finds.
    await tables.scopes.lock(scope.id);
    if ((await tables.rounds.newest(scope.id))?.state !== 'judging') return;
    if ((await quarantinedSince(tables, round.startedAtMs)).length > 0) return;
    await publishHead(tables, context, scope, round, { ...result, lambda }, head, nowMs);
  });
}

async function isAnswered(
  tables: HubTables,
  { scope, round, startedAtMs }: RoundRow,
  { learning, onlineMs }: LeadContext['config'],
  nowMs: number,
): Promise<boolean> {
  if (nowMs - startedAtMs >= learning.roundTimeoutMs) return true;
  const policies = await tables.policies.list();
  for (const { robot, answeredAtMs } of await tables.rounds.asked(scope, round)) {
    if (answeredAtMs !== null) continue;
    const row = await tables.robots.find(robot);
    const isGone =
      row === null ||
      row.share === 0 ||
      row.quarantine === 'quarantined' ||
      isPaused(policies, robot, row.team, scope);
    if (!isGone && row.seenAtMs >= nowMs - onlineMs) return false;
  }
  return true;
}

/** Robots whose sums a round holds that began before they were quarantined. */
async function quarantinedSince(tables: HubTables, sinceMs: number): Promise<string[]> {
  return (await tables.robots.quarantined())
    .filter(({ quarantineDetail }) => {
      const { atMs = 0 } = JSON.parse(quarantineDetail ?? '{}') as { atMs?: number };
      return atMs >= sinceMs;
    })
    .map(({ robot }) => robot);
}

/** Keeps the scores of robots, and flags or quarantines those that they speak against. */
async function noteScores(
  tables: HubTables,
  { config: { quarantine }, log }: LeadContext,
  scope: ScopeRow,
  { robots }: RoundResult,
  nowMs: number,
): Promise<void> {
  const limits = outlierLimits(robots, quarantine);
  const contrary = outliers(robots, quarantine);
  for (const { robot, ...score } of robots) {
    const disagreement = disagreementOf(score, limits, quarantine);
    await tables.robotTasks.setLeftOut(robot, scope.id, { ...score, disagreement });
    const row = await tables.robots.find(robot);
    if (row?.quarantine !== 'flagged') continue;
    const isStill = contrary.some((found) => found.robot === robot);
    const detail = JSON.parse(row.quarantineDetail ?? '{}') as { by?: string; figures?: unknown };
    // Without figures it was flagged for what it sends, not for its labels.
    const isOfRound = detail.by === BY_HUB && detail.figures !== null;
    if (!isStill && isOfRound) await tables.robots.quarantine(robot, null, null, 0);
  }
  for (const found of contrary) {
    const { robot, state, logLoss, median, limit } = found;
    const row = await tables.robots.find(robot);
    const sums = await tables.contributions.find(scope.id, robot, 'sums');
    // An operator has released it with these sums.
    const isReleased = (row?.releasedAtMs ?? 0) > (sums?.atMs ?? 0);
    if (row === null || row.quarantine === 'quarantined' || isReleased) continue;
    if (row.quarantine === state) continue;
    const percent = Math.round(100 * found.accuracy);
    const reason = `heads of the other robots answer ${percent} % of its samples right (log-loss ${logLoss.toFixed(2)}; median of the robots ${median.toFixed(2)})`;
    const figures = { task: scope.task, round: robots[0]?.round ?? 0, logLoss, median, limit };
    await tables.robots.quarantine(
      robot,
      state,
      { by: BY_HUB, reason, atMs: nowMs, figures },
      nowMs,
    );
    await tables.audit.add({
      atMs: nowMs,
      by: BY_HUB,
      action: state,
      robot,
      task: scope.task,
      detail: { reason, ...figures },
    });
    log.warn({ robot, reason }, `a robot is ${state}`);
  }
}

async function publishHead(
  tables: HubTables,
  { config, log }: LeadContext,
  scope: ScopeRow,
  round: RoundRow,
  { lambdaIndex, lambda, scale, leftOut }: RoundResult & { lambda: number },
  bytes: Uint8Array,
  nowMs: number,
): Promise<void> {
  const version = ((await tables.heads.newest(scope.id))?.version ?? 0) + 1;
  const object = sha256Hex(bytes);
  await tables.objects.put({
    object,
    robot: FOR_ALL,
    kind: 'head',
    scope: scope.id,
    purpose: version,
    chunkBytes: config.limits.chunkBytes,
    bytes,
    atMs: nowMs,
  });
  await tables.heads.add({
    scope: scope.id,
    version,
    atMs: nowMs,
    round: round.round,
    object,
    bytes: bytes.length,
    labels: round.labels,
    lambdaIndex,
    lambda,
    scale,
    samples: round.samples,
    robots: round.robots,
    leftOut: leftOut === null ? null : JSON.stringify(leftOut),
  });
  await tables.rounds.end(scope.id, round.round, {
    state: 'done',
    endedAtMs: nowMs,
    reason: null,
    headVersion: version,
  });
  const { stages } = config.rollout;
  await beginRollout(tables, scope, version, stages, nowMs - config.onlineMs, nowMs);
  await tables.audit.add({
    atMs: nowMs,
    by: BY_HUB,
    action: 'head',
    robot: null,
    task: scope.task,
    detail: { version, round: round.round, samples: round.samples, robots: round.robots },
  });
  log.info(
    { task: scope.task, version, accuracy: leftOut?.accuracy ?? null },
    'a fleet head is made',
  );
}
