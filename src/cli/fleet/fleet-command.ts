import { Command } from 'commander';
import { addCommands } from '../command-table.js';
import { HUB_COMMANDS } from './hub-subcommands.js';

/** Many robots that learn as one. @param words what follows on the command line */
export async function fleetCommand(words: readonly string[]): Promise<Command> {
  const command = new Command('fleet');
  await addCommands(command, HUB_COMMANDS, words);
  return command;
}
