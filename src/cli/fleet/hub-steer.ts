import { Command, InvalidArgumentError } from 'commander';
import {
  HUB_ROLES,
  type HubCommandPath,
  type HubRole,
  type NewPerson,
  type RecomputeAnswer,
} from '../../fleet/contract/hub-api.js';
import { printJson, printLine } from '../support/output.js';
import { parseWhole } from '../support/parse-whole.js';
import {
  type HubAccess,
  type HubAccessOptions,
  taskKey,
  withHub,
  withHubAccess,
} from './hub-access.js';

interface SteerOptions extends HubAccessOptions {
  task?: string;
  backbone?: string;
  robot?: string;
  group?: string;
}

const withTask = (command: Command): Command =>
  withHubAccess(command)
    .option('--task <name>', 'may be left out where the fleet has one')
    .option('--backbone <checksum>', 'where robots have several for a task');

const withSubject = (command: Command): Command =>
  withTask(command).option('--robot <name>', 'one robot').option('--group <name>', 'a group');

async function send(
  options: HubAccessOptions,
  path: HubCommandPath,
  bodyOf: (hub: HubAccess) => Promise<object>,
): Promise<void> {
  const answer = await withHub(options, async (hub) => hub.post<object>(path, await bodyOf(hub)));
  if (options.json) printJson(answer);
  else printLine('done');
}

/** What a command is about: the robot or group, and the task where one is named. */
async function subject(hub: HubAccess, options: SteerOptions, needsTask: boolean): Promise<object> {
  const { robot, group, task, backbone } = options;
  const named = needsTask || task !== undefined || backbone !== undefined;
  return {
    ...(robot === undefined ? {} : { robot }),
    ...(group === undefined ? {} : { group }),
    ...(named ? await taskKey(hub, options) : {}),
  };
}

export function hubPinCommand(): Command {
  return withSubject(new Command('pin'))
    .argument('<version>', 'version of a fleet head', parseWhole(1, Number.MAX_SAFE_INTEGER))
    .action((version: number, options: SteerOptions) =>
      send(options, '/api/pin', async (hub) => ({
        ...(await subject(hub, options, true)),
        version,
      })),
    );
}

export function hubPauseCommand(): Command {
  return withSubject(new Command('pause')).action((options: SteerOptions) =>
    send(options, '/api/pause', (hub) => subject(hub, options, false)),
  );
}

export function hubResumeCommand(): Command {
  return withSubject(new Command('resume')).action((options: SteerOptions) =>
    send(options, '/api/resume', (hub) => subject(hub, options, false)),
  );
}

export function hubRollbackCommand(): Command {
  return withTask(new Command('rollback'))
    .argument('[version]', 'default: the one before', parseWhole(1, Number.MAX_SAFE_INTEGER))
    .action((version: number | undefined, options: SteerOptions) =>
      send(options, '/api/rollback', async (hub) => ({
        ...(await taskKey(hub, options)),
        version: version ?? null,
      })),
    );
}

export function hubRolloutCommand(): Command {
  return withTask(new Command('rollout'))
    .argument('<action>', 'next, pause, resume or stop')
    .action((action: string, options: SteerOptions) =>
      send(options, '/api/rollout', async (hub) => ({ ...(await taskKey(hub, options)), action })),
    );
}

export function hubAliasCommand(): Command {
  return withTask(new Command('alias'))
    .argument('<label>', 'as robots call it')
    .argument('[name]', 'in the fleet; left out: its own name again')
    .action((label: string, name: string | undefined, options: SteerOptions) =>
      send(options, '/api/alias', async (hub) => ({
        ...(await taskKey(hub, options)),
        label,
        instead: name ?? null,
      })),
    );
}

export function hubNeverCommand(): Command {
  return withTask(new Command('never'))
    .argument('<label>', 'that stays on the robots')
    .option('--off', 'robots may share it again')
    .action((label: string, options: SteerOptions & { off?: boolean }) =>
      send(options, '/api/never-share', async (hub) => ({
        ...(await taskKey(hub, options)),
        label,
        on: options.off !== true,
      })),
    );
}

export function hubQuarantineCommand(): Command {
  return withHubAccess(new Command('quarantine'))
    .argument('<robot>')
    .requiredOption('--reason <text>', 'why its sums must not count')
    .action((robot: string, options: HubAccessOptions & { reason: string }) =>
      send(options, '/api/quarantine', async () => ({ robot, reason: options.reason })),
    );
}

/** Commands that name a robot and nothing else. */
export function hubRobotCommand(name: 'release' | 'forget'): Command {
  return withHubAccess(new Command(name))
    .argument('<robot>')
    .action((robot: string, options: HubAccessOptions) =>
      send(options, `/api/${name}`, async () => ({ robot })),
    );
}

export function hubGroupCommand(): Command {
  return withHubAccess(new Command('group'))
    .argument('<robot>')
    .argument('[group]', 'left out: in no group')
    .action((robot: string, group: string | undefined, options: HubAccessOptions) =>
      send(options, '/api/group', async () => ({ robot, group: group ?? null })),
    );
}

/** Commands that name a task and nothing else. */
export function hubTaskCommand(name: 'round' | 'renew-basis'): Command {
  return withTask(new Command(name)).action((options: SteerOptions) =>
    send(options, `/api/${name}`, (hub) => taskKey(hub, options)),
  );
}

export function hubRecomputeCommand(): Command {
  return withTask(new Command('recompute')).action(async (options: SteerOptions) => {
    const answer = await withHub(options, async (hub) =>
      hub.post<RecomputeAnswer>('/api/recompute', await taskKey(hub, options)),
    );
    if (options.json) return printJson(answer);
    const { robots, samples, equal } = answer;
    const found = equal
      ? 'equal the merged sums'
      : 'differ from the merged sums, which were replaced';
    printLine(`sums of ${robots} robots (${Math.round(samples)} samples) ${found}`);
  });
}

export function peopleAddCommand(): Command {
  return withHubAccess(new Command('add'))
    .argument('<name>')
    .option('--role <role>', 'view or operate', roleOf, 'view')
    .action(async (name: string, options: HubAccessOptions & { role: HubRole }) => {
      const { role } = options;
      const person = await withHub(options, (hub) =>
        hub.post<NewPerson>('/api/people', { name, role }),
      );
      // The token is what the command is for: nothing is redacted.
      if (options.json) process.stdout.write(`${JSON.stringify(person)}\n`);
      else process.stdout.write(`${person.token}\n`);
    });
}

export function peopleRemoveCommand(): Command {
  return withHubAccess(new Command('remove'))
    .argument('<name>')
    .action((name: string, options: HubAccessOptions) =>
      send(options, '/api/people/remove', async () => ({ name })),
    );
}

function roleOf(text: string): HubRole {
  const role = HUB_ROLES.find((known) => known === text);
  if (role === undefined) throw new InvalidArgumentError('it is neither view nor operate.');
  return role;
}
