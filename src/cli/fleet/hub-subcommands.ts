import { Command } from 'commander';
import { addCommands, type CommandEntry } from '../command-table.js';

/** Commands about people who may use the hub. */
export const PEOPLE_COMMANDS: readonly CommandEntry[] = [
  {
    name: 'list',
    usage: '[options]',
    summary: 'list people and roles',
    load: async () => (await import('./hub-look.js')).peopleListCommand(),
  },
  {
    name: 'add',
    usage: '[options] <name>',
    summary: 'add a person, and print the token once',
    load: async () => (await import('./hub-steer.js')).peopleAddCommand(),
  },
  {
    name: 'remove',
    usage: '[options] <name>',
    summary: 'remove a person; the token ends',
    load: async () => (await import('./hub-steer.js')).peopleRemoveCommand(),
  },
];

/** Commands of the hub of a fleet, in the order of the help. */
export const HUB_COMMANDS: readonly CommandEntry[] = [
  {
    name: 'serve',
    usage: '[options]',
    summary: 'run the hub of a fleet: merge what robots learnt, and roll out heads',
    load: async () => (await import('./hub-serve.js')).serveCommand(),
  },
  {
    name: 'overview',
    usage: '[options]',
    summary: 'show robots, tasks, heads and rollouts of the fleet',
    load: async () => (await import('./hub-look.js')).overviewCommand(),
  },
  {
    name: 'robots',
    usage: '[options]',
    summary: 'list the robots: seen, head, score on heads without them, mode',
    load: async () => (await import('./hub-look.js')).robotsCommand(),
  },
  {
    name: 'audit',
    usage: '[options]',
    summary: 'list what was done in the fleet, and by whom',
    load: async () => (await import('./hub-look.js')).hubAuditCommand(),
  },
  {
    name: 'rollout',
    usage: '[options] <action>',
    summary: 'steer the rollout of the newest head: next, pause, resume or stop',
    load: async () => (await import('./hub-steer.js')).hubRolloutCommand(),
  },
  {
    name: 'rollback',
    usage: '[options] [version]',
    summary: 'switch all robots to an earlier head at once, without a gate',
    load: async () => (await import('./hub-steer.js')).hubRollbackCommand(),
  },
  {
    name: 'pin',
    usage: '[options] <version>',
    summary: 'keep a robot or group on a head of the fleet',
    load: async () => (await import('./hub-steer.js')).hubPinCommand(),
  },
  {
    name: 'pause',
    usage: '[options]',
    summary: 'let a robot or group change nothing and send nothing',
    load: async () => (await import('./hub-steer.js')).hubPauseCommand(),
  },
  {
    name: 'resume',
    usage: '[options]',
    summary: 'end pin and pause of a robot or group',
    load: async () => (await import('./hub-steer.js')).hubResumeCommand(),
  },
  {
    name: 'group',
    usage: '[options] <robot> [group]',
    summary: 'put a robot into a group',
    load: async () => (await import('./hub-steer.js')).hubGroupCommand(),
  },
  {
    name: 'alias',
    usage: '[options] <label> [name]',
    summary: 'give a label of robots another name in the fleet, or merge two',
    load: async () => (await import('./hub-steer.js')).hubAliasCommand(),
  },
  {
    name: 'never',
    usage: '[options] <label>',
    summary: 'keep a label on the robots: nothing of it is shared',
    load: async () => (await import('./hub-steer.js')).hubNeverCommand(),
  },
  {
    name: 'quarantine',
    usage: '[options] <robot>',
    summary: 'use nothing of a robot',
    load: async () => (await import('./hub-steer.js')).hubQuarantineCommand(),
  },
  {
    name: 'release',
    usage: '[options] <robot>',
    summary: 'use the sums of a robot again',
    load: async () => (await import('./hub-steer.js')).hubRobotCommand('release'),
  },
  {
    name: 'forget',
    usage: '[options] <robot>',
    summary: 'delete all that the hub has of a robot',
    load: async () => (await import('./hub-steer.js')).hubRobotCommand('forget'),
  },
  {
    name: 'round',
    usage: '[options]',
    summary: 'judge and make a head now',
    load: async () => (await import('./hub-steer.js')).hubTaskCommand('round'),
  },
  {
    name: 'renew-basis',
    usage: '[options]',
    summary: 'find new directions of features; all robots send their sums again',
    load: async () => (await import('./hub-steer.js')).hubTaskCommand('renew-basis'),
  },
  {
    name: 'recompute',
    usage: '[options]',
    summary: 'compute the merged sums anew, and compare',
    load: async () => (await import('./hub-steer.js')).hubRecomputeCommand(),
  },
  {
    name: 'people',
    usage: '',
    summary: 'list, add and remove people who may use the hub',
    load: peopleCommand,
  },
];

async function peopleCommand(words: readonly string[]): Promise<Command> {
  const command = new Command('people');
  await addCommands(command, PEOPLE_COMMANDS, words);
  return command;
}
