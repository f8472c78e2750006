import { setImmediate } from 'node:timers/promises';
import { HeadlandError, isHeadlandError } from '../../../base/errors.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';
import { fixBasis } from './basis-step.js';
import { mergePending, type Recomputation, RecomputeSteps } from './exact-merge.js';
import { type LeadContext, leading } from './lead-context.js';
import type { Leadership } from './leadership.js';
import type { Publisher } from './publisher.js';
import { moveRollout } from './rollout-step.js';
import { beginRound, endRound, isRoundDue } from './round-step.js';

/** Robots whose sums are merged in one transaction. */
const MERGE_BATCH = 32;
const MAX_MERGES = 20;
const CLEAN_UP_MS = 300_000;
/** Heads, and objects of rounds, that robots can still fetch. */
const KEPT_HEADS = 20;
const KEPT_PRIORS = 2;

/** Does what one hub of a fleet does at a time: merging, rounds, rollouts and the wishes to robots. */
export class Leader {
  #cleanedUpMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly context: Omit<LeadContext, 'term'>,
    private readonly leadership: Leadership,
    private readonly publisher: Publisher,
  ) {}

  /** One look at everything; nothing while another hub leads. */
  async work(nowMs = Date.now()): Promise<void> {
    const { term } = this.leadership;
    if (term === null) return;
    const context: LeadContext = { ...this.context, term };
    try {
      const scopes = await leading(context, (tables) => tables.scopes.list());
      for (const scope of scopes) await this.#tryToWorkOn(context, scope, nowMs);
      await this.publisher.publish(context, nowMs);
      if (performance.now() - this.#cleanedUpMs >= CLEAN_UP_MS) {
        await cleanUp(context, scopes, nowMs);
        this.#cleanedUpMs = performance.now();
      }
    } catch (error) {
      if (!isHeadlandError(error, 'HL_FLEET_NOT_LEADER')) throw error;
      this.leadership.lost();
    }
  }

  /** A task that fails must not keep the others, and the wishes to robots, from their turn. */
  async #tryToWorkOn(context: LeadContext, scope: ScopeRow, nowMs: number): Promise<void> {
    const { alarms, log } = context;
    try {
      await this.#workOn(context, scope, nowMs);
      alarms.clear(`fleet-task-${scope.id}`);
    } catch (error) {
      if (isHeadlandError(error, 'HL_FLEET_NOT_LEADER')) throw error;
      alarms.raise(`fleet-task-${scope.id}`, error);
      log.debug({ err: error, task: scope.task }, 'cannot work on a task');
    }
  }

  async #workOn(context: LeadContext, scope: ScopeRow, nowMs: number): Promise<void> {
    if (scope.basisChecksum === null) {
      await fixBasis(context, scope, nowMs);
      return;
    }
    await this.#merge(context, scope, nowMs);
    if (nowMs - scope.recomputedAtMs >= context.config.learning.recomputeMs) {
      await this.#recompute(context, scope, nowMs);
    }
    await endRound(context, scope, nowMs);
    await this.#beginRound(context, scope, nowMs);
    await moveRollout(context, scope, nowMs);
  }

  async #merge(context: LeadContext, scope: ScopeRow, nowMs: number): Promise<void> {
    const startMs = performance.now();
    let robots = 0;
    for (let batch = 0; batch < MAX_MERGES; batch++) {
      const merged = await leading(context, (tables) =>
        mergePending(tables, scope.id, MERGE_BATCH),
      );
      robots += merged;
      if (merged < MERGE_BATCH) break;
      // Nothing in SQLite waits: without this, all batches would keep messages and the seat waiting.
      await setImmediate();
    }
    if (robots === 0) return;
    const { task, backbone } = scope;
    const seconds = (performance.now() - startMs) / 1_000;
    context.tally.merged(scope.id, { task, backbone, atMs: nowMs, seconds });
  }

  async #beginRound(context: LeadContext, scope: ScopeRow, nowMs: number): Promise<void> {
    // As the merge left it.
    const fresh = await leading(context, async (tables) =>
      (await tables.scopes.list()).find(({ id }) => id === scope.id),
    );
    if (!fresh || !(await isRoundDue(context, fresh, nowMs))) return;
    await beginRound(context, fresh, nowMs);
  }

  async #recompute(context: LeadContext, scope: ScopeRow, nowMs: number): Promise<void> {
    const steps = new RecomputeSteps(scope.id);
    await leading(context, (tables) => steps.begin(tables));
    while (await leading(context, (tables) => steps.add(tables, MERGE_BATCH))) await setImmediate();
    const found = await leading(context, (tables) => steps.end(tables, nowMs));
    // Somebody recomputed meanwhile, or renewed the basis: the next look begins again.
    if (found !== null) tellDifference(context, scope, found);
  }
}

/** Raises the alarm of merged sums that were wrong. */
export function tellDifference(
  { alarms, log }: Pick<LeadContext, 'alarms' | 'log'>,
  scope: ScopeRow,
  { differing, robots }: Recomputation,
): void {
  if (differing.length === 0) {
    alarms.clear(`fleet-merge-${scope.id}`);
    return;
  }
  const error = new HeadlandError(
    'HL_FLEET_MERGE_DIFFERS',
    `the merged sums of task "${scope.task}" differed from those of ${robots} robots in ${differing.length} classes, and were replaced`,
    {
      remedy:
        'Nothing for the sums: they are right again. Look for faults of the database and its disk; report it if it comes again.',
      details: { task: scope.task, labels: differing.slice(0, 20) },
    },
  );
  alarms.raise(`fleet-merge-${scope.id}`, error);
  log.error({ err: error }, 'merged sums differed');
}

async function cleanUp(
  context: LeadContext,
  scopes: readonly ScopeRow[],
  nowMs: number,
): Promise<void> {
  const { limits } = context.config;
  await leading(context, async (tables) => {
    for (const { robot, object } of await tables.uploads.before(nowMs - limits.pendingMs)) {
      await tables.uploads.remove(robot, object);
    }
    await tables.audit.trim(limits.auditEntries);
    for (const { id } of scopes) {
      const round = (await tables.rounds.newest(id))?.round ?? 0;
      await tables.rounds.removeBefore(id, round - limits.keptRounds);
      const version = (await tables.heads.newest(id))?.version ?? 0;
      await tables.objects.removeBefore(id, 'prior', version - KEPT_PRIORS);
      await tables.robotTasks.touchWithoutPrior();
      const settled = (await tables.scopes.lock(id))?.settledVersion ?? version;
      const pinned = (await tables.policies.list()).flatMap((row) => row.version ?? []);
      const oldest = Math.min(settled, ...pinned, version - KEPT_HEADS);
      await tables.objects.removeBefore(id, 'head', oldest);
    }
  });
}
