import { chunkCount } from '../../contract/chunk-codec.js';
import type { Desired, DesiredTask, Offer } from '../../contract/desired.js';
import { type ReportedTask, reportedTaskSchema } from '../../contract/reported.js';
import type { HubTables } from '../store/hub-store.js';
import type { AliasRow } from '../store/tables/name-rows.js';
import { type PolicyRow, policyFor } from '../store/tables/policy-rows.js';
import type { RobotRow } from '../store/tables/robot-rows.js';
import type { RobotTaskRow } from '../store/tables/robot-task-rows.js';
import type { RolloutRow } from '../store/tables/rollout-rows.js';
import type { RoundRow } from '../store/tables/round-rows.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';
import { hasDealtWith } from './rollout-rules.js';
import { type WantedVersion, wantedVersion } from './wanted-version.js';

/** What holds for all robots of a task. */
export interface ScopeView {
  scope: ScopeRow;
  aliases: AliasRow[];
  neverShared: string[];
  round: RoundRow | null;
  rollout: RolloutRow | null;
}

/** What the desired states of many robots are built from, within one transaction. */
export class DesiredBuilder {
  readonly #views = new Map<number, ScopeView>();
  readonly #offers = new Map<string, Offer | null>();
  /** Robots that get no head before their prior is made. */
  readonly withoutPrior = new Set<string>();
  #policies: PolicyRow[] = [];

  private constructor(
    private readonly tables: HubTables,
    private readonly settings: { fleet: string; stages: number; allDirections: boolean },
  ) {}

  static async create(
    tables: HubTables,
    settings: { fleet: string; stages: number; allDirections: boolean },
  ): Promise<DesiredBuilder> {
    const builder = new DesiredBuilder(tables, settings);
    builder.#policies = await tables.policies.list();
    for (const scope of await tables.scopes.list()) {
      builder.#views.set(scope.id, {
        scope,
        aliases: await tables.names.aliases(scope.id),
        neverShared: await tables.names.neverShared(scope.id),
        round: await tables.rounds.newest(scope.id),
        rollout: await tables.rollouts.newest(scope.id),
      });
    }
    return builder;
  }

  /** Which head the robot is to follow in a task. */
  async wanted(robot: RobotRow, scopeId: number): Promise<WantedVersion> {
    const view = this.#views.get(scopeId);
    if (!view) return { version: null, rollBack: false };
    const { scope, rollout } = view;
    const policy = policyFor(this.#policies, robot.robot, robot.team, scopeId);
    const stage =
      rollout === null
        ? null
        : await this.tables.rollouts.stageOf(scopeId, rollout.version, robot.robot);
    return wantedVersion(scope, rollout, stage, this.settings.stages, policy);
  }

  /** The head that a robot cannot get before its prior is made; null: there is none. */
  async lacksPriorOf(robot: RobotRow, row: RobotTaskRow): Promise<number | null> {
    const { version } = await this.wanted(robot, row.scope);
    if (version === null || hasDealtWith(row, version)) return null;
    return (await this.#prior(row, version)) === undefined ? version : null;
  }

  /** The prior of a robot for a head; null: it needs none; undefined: it is not there. */
  async #prior(
    { priorVersion, priorObject }: RobotTaskRow,
    version: number,
  ): Promise<Offer | null | undefined> {
    if (priorVersion !== version || priorObject === null) return undefined;
    if (priorObject === '') return null;
    return (await this.#offer(priorObject)) ?? undefined;
  }

  async build(robot: RobotRow, nowMs: number): Promise<Desired> {
    const tasks: DesiredTask[] = [];
    for (const row of await this.tables.robotTasks.ofRobot(robot.robot)) {
      const view = this.#views.get(row.scope);
      if (row.listed !== 1 || !view) continue;
      tasks.push(await this.#task(robot, row, view));
    }
    return {
      schema: 'fleet/desired/1',
      at: new Date(nowMs).toISOString(),
      hub: this.settings.fleet,
      quarantined: robot.quarantine === 'quarantined' ? reasonOf(robot) : null,
      tasks,
    };
  }

  async #task(robot: RobotRow, row: RobotTaskRow, view: ScopeView): Promise<DesiredTask> {
    const { scope, aliases, neverShared } = view;
    const { contributions } = this.tables;
    const sums = await contributions.find(scope.id, robot.robot, 'sums');
    const moment = await contributions.find(scope.id, robot.robot, 'moment');
    const policy = policyFor(this.#policies, robot.robot, robot.team, scope.id);
    const hasMoment = moment !== null && moment.withdrawn === 0;
    const hasSums = sums !== null && sums.withdrawn === 0;
    const wantsMoment = scope.basisChecksum === null && !this.settings.allDirections && !hasMoment;
    return {
      task: scope.task,
      backbone: scope.backbone,
      moment_wanted: wantsMoment && robot.quarantine !== 'quarantined',
      basis: await this.#basis(scope),
      sums_accepted: hasSums ? { epoch: sums.epoch, version: sums.version } : null,
      refused: refusalOf(row),
      evaluate: await this.#evaluate(robot, view),
      head: await this.#head(robot, row, scope),
      follow: policy.follow,
      local_labels: neverShared,
      aliases,
    };
  }

  async #basis({
    basisChecksum,
    basisObject,
    directions,
  }: ScopeRow): Promise<DesiredTask['basis']> {
    if (basisChecksum === null || directions === null) return null;
    const offer = basisObject === null ? null : await this.#offer(basisObject);
    if (basisObject !== null && offer === null) return null;
    return { checksum: basisChecksum, offer, directions };
  }

  async #evaluate(
    { robot, quarantine }: RobotRow,
    { scope, round }: ScopeView,
  ): Promise<DesiredTask['evaluate']> {
    if (round?.state !== 'judging' || quarantine === 'quarantined') return null;
    const asked = await this.tables.sql.first<{ candidates: string }>(
      `SELECT candidates FROM round_robots
       WHERE scope = ? AND round = ? AND robot = ? AND answered_at_ms IS NULL`,
      scope.id,
      round.round,
      robot,
    );
    const offer = asked === null ? null : await this.#offer(asked.candidates);
    return offer === null ? null : { round: round.round, candidates: offer };
  }

  async #head(robot: RobotRow, row: RobotTaskRow, scope: ScopeRow): Promise<DesiredTask['head']> {
    const { version, rollBack } = await this.wanted(robot, scope.id);
    const head = version === null ? null : await this.tables.heads.find(scope.id, version);
    const offer = head === null ? null : await this.#offer(head.object);
    if (head === null || offer === null) return null;
    const prior = hasDealtWith(row, head.version) ? null : await this.#prior(row, head.version);
    if (prior === undefined) {
      // Without it the robot would take the head as it is, and leave its own samples out.
      this.withoutPrior.add(robot.robot);
      return null;
    }
    return {
      fleet_version: head.version,
      head: offer,
      prior,
      round: head.round,
      lambda_index: head.lambdaIndex,
      scale: head.scale,
      samples: Math.round(head.samples),
      roll_back: rollBack,
    };
  }

  async #offer(object: string): Promise<Offer | null> {
    const known = this.#offers.get(object);
    if (known !== undefined) return known;
    const size = await this.tables.objects.size(object);
    const offer =
      size === null
        ? null
        : { object, bytes: size.bytes, chunks: chunkCount(size.bytes, size.chunkBytes) };
    this.#offers.set(object, offer);
    return offer;
  }
}

/** Why a robot is in quarantine. */
function reasonOf({ quarantineDetail }: RobotRow): string {
  const detail = JSON.parse(quarantineDetail ?? '{}') as { reason?: string };
  return (detail.reason ?? 'an operator has said so').slice(0, 1_024);
}

function refusalOf({ refusal }: RobotTaskRow): DesiredTask['refused'] {
  if (refusal === null) return null;
  const { object, code, message } = JSON.parse(refusal) as NonNullable<DesiredTask['refused']>;
  return { object, code, message };
}

/** What a robot reported of a task; null: nothing yet. */
export function reportOf({ report }: Pick<RobotTaskRow, 'report'>): ReportedTask | null {
  return report === null ? null : reportedTaskSchema.parse(JSON.parse(report));
}
