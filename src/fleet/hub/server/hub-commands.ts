import { z } from 'zod';
import { HeadlandError } from '../../../base/errors.js';
import { HUB_ROLES, type HubCommandPath } from '../../contract/hub-api.js';
import { withdraw } from '../ingest/report-intake.js';
import { renewBasis } from '../lead/basis-step.js';
import { recompute } from '../lead/exact-merge.js';
import { addPerson } from '../people.js';
import type { HubTables } from '../store/hub-store.js';
import {
  ALL_TASKS,
  groupSubject,
  type PolicyRow,
  robotSubject,
} from '../store/tables/policy-rows.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';
import { invalidRequest } from './hub-http.js';

const robot = z.string().min(1).max(256);
const group = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}$/);
const task = z.string().min(1).max(64);
const backbone = z.string().min(1).max(128);
const label = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => !text.includes('\0'), 'must not contain NUL');
const version = z.int().min(1);
const key = { task, backbone };
const subjects = {
  robot: robot.optional(),
  group: group.optional(),
  task: task.optional(),
  backbone: backbone.optional(),
};

/** What each command takes. */
export const HUB_COMMAND_BODIES = {
  '/api/pin': z.strictObject({ ...subjects, version }),
  '/api/pause': z.strictObject(subjects),
  '/api/resume': z.strictObject(subjects),
  '/api/rollback': z.strictObject({ ...key, version: version.nullable() }),
  '/api/rollout': z.strictObject({ ...key, action: z.enum(['next', 'pause', 'resume', 'stop']) }),
  '/api/round': z.strictObject(key),
  '/api/alias': z.strictObject({ ...key, label, instead: label.nullable() }),
  '/api/never-share': z.strictObject({ ...key, label, on: z.boolean() }),
  '/api/quarantine': z.strictObject({ robot, reason: z.string().min(1).max(1_000) }),
  '/api/release': z.strictObject({ robot }),
  '/api/group': z.strictObject({ robot, group: group.nullable() }),
  '/api/forget': z.strictObject({ robot }),
  '/api/renew-basis': z.strictObject(key),
  '/api/recompute': z.strictObject(key),
  '/api/people': z.strictObject({ name: z.string(), role: z.enum(HUB_ROLES) }),
  '/api/people/remove': z.strictObject({ name: z.string() }),
} as const satisfies Record<HubCommandPath, z.ZodType>;

type Body<Path extends HubCommandPath> = z.infer<(typeof HUB_COMMAND_BODIES)[Path]>;

interface Doing {
  tables: HubTables;
  by: string;
  nowMs: number;
  /** Stages of a rollout. */
  stages: number;
}

/** What the audit says of a command. */
interface Said {
  robot?: string | null;
  task?: string | null;
  answer?: object;
}

type Commands = { [Path in HubCommandPath]: (doing: Doing, body: Body<Path>) => Promise<Said> };

const COMMANDS: Commands = {
  '/api/pin': async (doing, body) => {
    const scope = await scopeOf(doing.tables, body);
    if (scope === null) throw invalidRequest('a pin names its task and backbone');
    await knownVersion(doing.tables, scope, body.version);
    return setPolicy(doing, body, scope, { follow: 'pinned', version: body.version });
  },
  '/api/pause': async (doing, body) =>
    setPolicy(doing, body, await scopeOf(doing.tables, body), { follow: 'paused', version: null }),
  '/api/resume': async (doing, body) => {
    const scope = await scopeOf(doing.tables, body);
    const subject = await subjectOf(doing.tables, body);
    await doing.tables.policies.remove(subject, scope?.id ?? ALL_TASKS);
    await doing.tables.robots.touch(body.robot ?? null);
    return { robot: body.robot ?? null, task: scope?.task ?? null };
  },
  '/api/rollback': rollBack,
  '/api/rollout': steerRollout,
  '/api/round': async ({ tables }, body) => {
    const scope = await knownScope(tables, body);
    await tables.scopes.requestRound(scope.id);
    return { task: scope.task };
  },
  '/api/alias': async ({ tables }, body) => {
    const scope = await knownScope(tables, body);
    const aliases = await tables.names.aliases(scope.id);
    const isChain =
      body.instead !== null &&
      (body.instead === body.label ||
        aliases.some(
          ({ label: from, instead }) => from === body.instead || instead === body.label,
        ));
    if (isChain) throw invalidRequest('a name of the fleet cannot be an alias itself');
    await tables.names.setAlias(scope.id, body.label, body.instead);
    await tables.scopes.changed(scope.id);
    await tables.robots.touch(null);
    return { task: scope.task };
  },
  '/api/never-share': async ({ tables }, body) => {
    const scope = await knownScope(tables, body);
    await tables.names.setNeverShared(scope.id, body.label, body.on);
    await tables.scopes.changed(scope.id);
    await tables.robots.touch(null);
    return { task: scope.task };
  },
  '/api/quarantine': async ({ tables, by, nowMs }, body) => {
    await knownRobot(tables, body.robot);
    const detail = { by, reason: body.reason, atMs: nowMs, figures: null };
    await tables.robots.quarantine(body.robot, 'quarantined', detail, nowMs);
    return { robot: body.robot };
  },
  '/api/release': async ({ tables, nowMs }, body) => {
    await knownRobot(tables, body.robot);
    await tables.robots.quarantine(body.robot, null, null, nowMs);
    return { robot: body.robot };
  },
  '/api/group': async ({ tables }, body) => {
    await knownRobot(tables, body.robot);
    await tables.robots.setTeam(body.robot, body.group);
    return { robot: body.robot };
  },
  '/api/forget': async ({ tables, nowMs }, body) => {
    await knownRobot(tables, body.robot);
    await withdraw(tables, body.robot, nowMs);
    await tables.robots.remove(body.robot);
    return { robot: body.robot };
  },
  '/api/renew-basis': async ({ tables }, body) => {
    const scope = await knownScope(tables, body);
    await renewBasis(tables, scope.id);
    return { task: scope.task };
  },
  '/api/recompute': async ({ tables, nowMs }, body) => {
    const scope = await knownScope(tables, body);
    const { robots, samples, differing } = await recompute(tables, scope.id, nowMs);
    return { task: scope.task, answer: { robots, samples, equal: differing.length === 0 } };
  },
  '/api/people': async ({ tables, by, nowMs }, body) => {
    return { answer: await addPerson(tables, body.name, body.role, by, nowMs) };
  },
  '/api/people/remove': async ({ tables }, body) => {
    if (!(await tables.people.remove(body.name))) {
      throw new HeadlandError('HL_FLEET_NOT_FOUND', `there is no person "${body.name}"`, {
        remedy: 'List the people: `headland fleet people list`',
      });
    }
    return {};
  },
};

/**
 * Does a command, and writes it to the audit, both or neither.
 * @param body as it came
 * @returns the answer
 * @throws HeadlandError HL_FLEET_REQUEST_INVALID, HL_FLEET_ROBOT_UNKNOWN, HL_FLEET_TASK_UNKNOWN, …
 */
export async function doHubCommand<Path extends HubCommandPath>(
  path: Path,
  doing: Doing,
  body: unknown,
): Promise<object> {
  const parsed = HUB_COMMAND_BODIES[path].safeParse(body);
  if (!parsed.success) throw invalidRequest(z.prettifyError(parsed.error));
  const given = parsed.data as Body<Path>;
  const command: (doing: Doing, body: Body<Path>) => Promise<Said> = COMMANDS[path];
  const { robot: who = null, task: what = null, answer = {} } = await command(doing, given);
  // Adding a person writes an entry of its own.
  if (path !== '/api/people') {
    await doing.tables.audit.add({
      atMs: doing.nowMs,
      by: doing.by,
      action: path.slice('/api/'.length),
      robot: who,
      task: what,
      detail: { ...given },
    });
  }
  return answer;
}

export function isHubCommand(path: string): path is HubCommandPath {
  return Object.hasOwn(HUB_COMMAND_BODIES, path);
}

interface Subject {
  robot?: string | undefined;
  group?: string | undefined;
}

async function subjectOf(tables: HubTables, { robot: one, group: many }: Subject): Promise<string> {
  if ((one === undefined) === (many === undefined)) {
    throw invalidRequest('name either a robot or a group');
  }
  if (many !== undefined) return groupSubject(many);
  await knownRobot(tables, one ?? '');
  return robotSubject(one ?? '');
}

async function setPolicy(
  { tables }: Doing,
  body: Subject,
  scope: ScopeRow | null,
  policy: Pick<PolicyRow, 'follow' | 'version'>,
): Promise<Said> {
  const subject = await subjectOf(tables, body);
  await tables.policies.set({ subject, scope: scope?.id ?? ALL_TASKS, ...policy });
  await tables.robots.touch(body.robot ?? null);
  return { robot: body.robot ?? null, task: scope?.task ?? null };
}

async function rollBack({ tables, nowMs }: Doing, body: Body<'/api/rollback'>): Promise<Said> {
  const scope = await knownScope(tables, body);
  const rollout = await tables.rollouts.newest(scope.id);
  const target = body.version ?? rollout?.previousVersion ?? null;
  if (target === null) throw unknownVersion(scope, 'an earlier one');
  await knownVersion(tables, scope, target);
  if (rollout !== null) {
    await tables.rollouts.change({
      scope: scope.id,
      version: rollout.version,
      state: 'rolled_back',
      stage: rollout.stage,
      stageStartedAtMs: nowMs,
      reason: `rolled back to version ${target}`,
    });
  }
  await tables.scopes.settle(scope.id, target, true);
  // The next head would be made from the same sums.
  await tables.scopes.holdRollouts(scope.id, true);
  await tables.robots.touch(null);
  return { task: scope.task };
}

async function steerRollout(
  { tables, nowMs, stages }: Doing,
  body: Body<'/api/rollout'>,
): Promise<Said> {
  const scope = await knownScope(tables, body);
  const rollout = await tables.rollouts.newest(scope.id);
  if (rollout === null || rollout.state === 'done' || rollout.state === 'rolled_back') {
    throw invalidRequest(`task "${scope.task}" has no rollout that is under way`);
  }
  const { stage } = rollout;
  const next = {
    next: { state: 'running', stage: Math.min(stages - 1, stage + 1) },
    pause: { state: 'paused', stage },
    resume: { state: 'running', stage: Math.max(0, stage) },
    stop: { state: 'stopped', stage },
  } as const;
  await tables.rollouts.change({
    scope: scope.id,
    version: rollout.version,
    ...next[body.action],
    stageStartedAtMs: nowMs,
    reason: body.action === 'stop' ? 'by an operator' : null,
  });
  if (body.action === 'resume' || body.action === 'next') {
    await tables.scopes.holdRollouts(scope.id, false);
  }
  await tables.robots.touch(null);
  return { task: scope.task };
}

async function scopeOf(
  tables: HubTables,
  body: { task?: string | undefined; backbone?: string | undefined },
): Promise<ScopeRow | null> {
  if (body.task === undefined && body.backbone === undefined) return null;
  if (body.task === undefined || body.backbone === undefined) {
    throw invalidRequest('name both task and backbone, or neither');
  }
  return knownScope(tables, { task: body.task, backbone: body.backbone });
}

async function knownScope(
  tables: HubTables,
  { task: name, backbone: checksum }: { task: string; backbone: string },
): Promise<ScopeRow> {
  const scope = await tables.scopes.find(name, checksum);
  if (scope !== null) return scope;
  throw new HeadlandError('HL_FLEET_TASK_UNKNOWN', `no robot has a task "${name}" on ${checksum}`, {
    remedy: 'List the tasks of the fleet: `headland fleet overview`',
  });
}

async function knownRobot(tables: HubTables, name: string): Promise<void> {
  if ((await tables.robots.find(name)) !== null) return;
  throw new HeadlandError('HL_FLEET_ROBOT_UNKNOWN', `no robot "${name}" has reported`, {
    remedy: 'List the robots: `headland fleet robots`',
  });
}

async function knownVersion(tables: HubTables, scope: ScopeRow, wanted: number): Promise<void> {
  const head = await tables.heads.find(scope.id, wanted);
  const size = head === null ? null : await tables.objects.size(head.object);
  if (size === null) throw unknownVersion(scope, `version ${wanted}`);
}

function unknownVersion(scope: ScopeRow, what: string): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_VERSION_UNKNOWN',
    `task "${scope.task}" has no head that can be fetched: ${what}`,
    { remedy: 'List the heads of the task: `headland fleet overview`' },
  );
}
