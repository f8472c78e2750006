import { sha256Hex } from '../../../base/hash.js';
import type { Desired } from '../../contract/desired.js';
import { fleetTopic } from '../../contract/fleet-topics.js';
import type { RobotRow } from '../store/tables/robot-rows.js';
import { DesiredBuilder } from './desired-builder.js';
import { type LeadContext, leading } from './lead-context.js';
import { type MissingPrior, makePriors, makeRoomForPriors } from './priors.js';

/** Robots whose desired state is built in one transaction. */
const BATCH = 50;
const MAX_BATCHES = 40;

/** What publishing needs of the connection. */
export interface DesiredPort {
  readonly connected: boolean;
  /** @returns false: the broker has not taken it */
  publishSurely(topic: string, payload: Uint8Array, retain: boolean): Promise<boolean>;
}

/** Publishes what the hub wants of robots, when that has changed. */
export class Publisher {
  /** By robot: digest of what was published last by this hub, without its time. */
  readonly #published = new Map<string, string>();
  /** Names of robots whose prior had no room, the first that waited first. */
  readonly #waiting = new Set<string>();

  constructor(private readonly port: DesiredPort) {}

  /** Everything is published again, when it is looked at next. */
  forget(): void {
    this.#published.clear();
  }

  /** For robots that may have something new. */
  async publish(context: LeadContext, nowMs: number): Promise<void> {
    await this.#lookAtWaiting(context, nowMs);
    for (let batch = 0; batch < MAX_BATCHES && this.port.connected; batch++) {
      const missing = await this.#missingPriors(context);
      // Those who lost theirs come after all who wait for their first.
      for (const robot of await makePriors(context, missing, nowMs)) this.#waiting.add(robot);
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
      for (const robot of builder.withoutPrior) this.#waiting.add(robot);
      return built;
    });
  }

  /** Some of those who wait get their turn when there is room. */
  async #lookAtWaiting(context: LeadContext, nowMs: number): Promise<void> {
    if (this.#waiting.size === 0) return;
    const { isRoom, evicted } = await makeRoomForPriors(context, nowMs);
    const next = isRoom ? [...this.#waiting].slice(0, BATCH) : [];
    // After those whose turn it is: a robot that stays away must not keep them from theirs.
    for (const robot of evicted) this.#waiting.add(robot);
    await leading(context, async ({ robots }) => {
      for (const robot of next) await robots.touch(robot);
    });
    for (const robot of next) this.#waiting.delete(robot);
  }

  /** @returns names of robots whose state the broker has not taken */
  async #send(built: readonly { robot: string; desired: Desired }[]): Promise<string[]> {
    const failed: string[] = [];
    await Promise.all(
      built.map(async ({ robot, desired }) => {
        const { at: _, ...content } = desired;
        const digest = sha256Hex(Buffer.from(JSON.stringify(content)));
        if (this.#published.get(robot) === digest) return;
        const payload = Buffer.from(JSON.stringify(desired));
        const taken = await this.port.publishSurely(fleetTopic(robot, 'desired'), payload, true);
        if (taken) this.#published.set(robot, digest);
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
          const version = await builder.lacksPriorOf(row, task);
          if (version !== null) missing.push({ robot, scope, version });
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

function empty({ config }: LeadContext, nowMs: number): Desired {
  return {
    schema: 'fleet/desired/1',
    at: new Date(nowMs).toISOString(),
    hub: config.fleet,
    quarantined: null,
    tasks: [],
  };
}
