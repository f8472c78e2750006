import { isDeepStrictEqual } from 'node:util';
import { sha256Hex } from '../../../base/hash.js';
import type { Desired } from '../../contract/desired.js';
import { fleetTopic } from '../../contract/fleet-topics.js';
import { FOR_ALL } from '../store/tables/object-rows.js';
import type { RobotRow } from '../store/tables/robot-rows.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';
import { DesiredBuilder } from './desired-builder.js';
import { type LeadContext, leading } from './lead-context.js';
import { loadTask } from './round-step.js';

/** Robots whose desired state is built in one transaction. */
const BATCH = 50;
const MAX_BATCHES = 40;

/** What publishing needs of the connection. */
export interface DesiredPort {
  readonly connected: boolean;
  /** @returns false: the broker has not taken it */
  publishSurely(topic: string, payload: Uint8Array, retain: boolean): Promise<boolean>;
}

interface MissingPrior {
  robot: string;
  scope: ScopeRow;
  version: number;
}

/** Publishes what the hub wants of robots, when that has changed. */
export class Publisher {
  /** By robot: what was published last by this hub, without its time. */
  readonly #published = new Map<string, Omit<Desired, 'at'>>();

  constructor(private readonly port: DesiredPort) {}

  /** Everything is published again, when it is looked at next. */
  forget(): void {
    this.#published.clear();
  }

  /** For robots that may have something new. */
  async publish(context: LeadContext, nowMs: number): Promise<void> {
    for (let batch = 0; batch < MAX_BATCHES && this.port.connected; batch++) {
      const missing = await this.#missingPriors(context);
      if (missing.length > 0) await makePriors(context, missing, nowMs);
      const built = await this.#build(context, nowMs);
      if (built.length === 0) return;
      const failed = await this.#send(built);
      if (failed.length === 0) continue;
      await leading(context, async ({ robots }) => {
        for (const robot of failed) await robots.touch(robot);
      });
      return;
    }
  }

  async #build(
    context: LeadContext,
    nowMs: number,
  ): Promise<{ robot: string; desired: Desired }[]> {
    return leading(context, async (tables) => {
      const robots = await tables.robots.takeDirty(BATCH);
      if (robots.length === 0) return [];
      const builder = await createBuilder(tables, context);
      const built: { robot: string; desired: Desired }[] = [];
      for (const robot of robots) {
        // It sent a chunk, and no report yet.
        if (robot.report === null)
          built.push({ robot: robot.robot, desired: empty(context, nowMs) });
        else built.push({ robot: robot.robot, desired: await builder.build(robot, nowMs) });
      }
      return built;
    });
  }

  /** @returns names of robots whose state the broker has not taken */
  async #send(built: readonly { robot: string; desired: Desired }[]): Promise<string[]> {
    const failed: string[] = [];
    await Promise.all(
      built.map(async ({ robot, desired }) => {
        const { at: _, ...content } = desired;
        if (isDeepStrictEqual(this.#published.get(robot), content)) return;
        const payload = Buffer.from(JSON.stringify(desired));
        const taken = await this.port.publishSurely(fleetTopic(robot, 'desired'), payload, true);
        if (taken) this.#published.set(robot, content);
        else failed.push(robot);
      }),
    );
    return failed;
  }

  /** Of the robots that are looked at next. */
  async #missingPriors(context: LeadContext): Promise<MissingPrior[]> {
    return leading(context, async (tables) => {
      const robots = await tables.sql.all<{ robot: string }>(
        'SELECT robot FROM robots WHERE dirty = 1 ORDER BY robot LIMIT ?',
        BATCH,
      );
      if (robots.length === 0) return [];
      const builder = await createBuilder(tables, context);
      const scopes = new Map((await tables.scopes.list()).map((scope) => [scope.id, scope]));
      const missing: MissingPrior[] = [];
      for (const { robot } of robots) {
        const row: RobotRow | null = await tables.robots.find(robot);
        for (const task of await tables.robotTasks.ofRobot(robot)) {
          const scope = scopes.get(task.scope);
          if (row === null || task.listed !== 1 || !scope) continue;
          const { version } = await builder.wanted(row, task.scope);
          if (version === null || task.priorVersion === version) continue;
          missing.push({ robot, scope, version });
        }
      }
      return missing;
    });
  }
}

function createBuilder(
  tables: Parameters<typeof DesiredBuilder.create>[0],
  { config }: LeadContext,
): Promise<DesiredBuilder> {
  return DesiredBuilder.create(tables, {
    fleet: config.fleet,
    stages: config.rollout.stages.length,
    allDirections: config.learning.basisDirections === 'all',
  });
}

/** Sums of all other robots, for each robot that gets a head. Robots without sums of their own share one. */
async function makePriors(
  context: LeadContext,
  missing: readonly MissingPrior[],
  nowMs: number,
): Promise<void> {
  const scopes = new Map(missing.map(({ scope }) => [scope.id, scope]));
  for (const scope of scopes.values()) {
    const hasSums = scope.basisChecksum !== null && (await loadTask(context, scope));
    for (const { robot, version } of missing.filter((one) => one.scope.id === scope.id)) {
      const own = await leading(context, ({ contributions }) =>
        contributions.mergedBytes(scope.id, robot),
      );
      const bytes = hasSums ? await context.thread.call('prior', own) : null;
      await leading(context, async (tables) => {
        const object = bytes === null ? '' : sha256Hex(bytes);
        if (bytes !== null) {
          await tables.objects.put({
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
        await tables.robotTasks.setPrior(robot, scope.id, version, object);
      });
    }
  }
}

function empty({ config }: LeadContext, nowMs: number): Desired {
  return {
    schema: 'fleet/desired/1',
    at: new Date(nowMs).toISOString(),
    hub: config.fleet,
    quarantined: null,
    tasks: [],
  };
}
