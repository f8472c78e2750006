import { Command } from 'commander';
import { addCommands, type CommandEntry } from '../command-table.js';
import { withStateOptions } from '../support/state-options.js';
import { HUB_COMMANDS } from './hub-subcommands.js';

const ROBOT_COMMANDS: readonly CommandEntry[] = [
  {
    name: 'status',
    usage: '[options]',
    summary: 'show what this robot shares with its fleet, and which heads it has taken',
    load: async () => ofRobot((await import('./robot-status.js')).robotStatusCommand()),
  },
  {
    name: 'withdraw',
    usage: '[options]',
    summary: 'share nothing from now on; the hub forgets what it has of this robot',
    load: async () => ofRobot((await import('./robot-sharing.js')).sharingCommand('withdraw')),
  },
  {
    name: 'join',
    usage: '[options]',
    summary: 'end a withdrawal: share again as the settings say',
    load: async () => ofRobot((await import('./robot-sharing.js')).sharingCommand('join')),
  },
];

/** A robot in a fleet, and the hub of one. @param words what follows on the command line */
export async function fleetCommand(words: readonly string[]): Promise<Command> {
  const command = new Command('fleet');
  await addCommands(command, [...ROBOT_COMMANDS, ...HUB_COMMANDS], words);
  return command;
}

function ofRobot(command: Command): Command {
  return withStateOptions(command).option('--json', 'print one JSON object');
}
