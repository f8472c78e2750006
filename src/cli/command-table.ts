import { Command } from 'commander';

/** One command of the program, or of a group. */
export interface CommandEntry {
  name: string;
  /** What follows the name in the list of commands. */
  usage: string;
  summary: string;
  /** @param words what follows the name on the command line, without options */
  load(words: readonly string[]): Promise<Command>;
}

/**
 * Adds commands to the program or to a group. Only the one that the first word names is loaded: of the
 * others the list of commands shows name, usage and summary.
 */
export async function addCommands(
  parent: Command,
  entries: readonly CommandEntry[],
  [requested, ...words]: readonly string[],
): Promise<void> {
  const usages = new Map(entries.map(({ name, usage }) => [name, usage]));
  usages.set('help', '[command]');
  parent.configureHelp({
    ...parent.configureHelp(),
    subcommandTerm: (command) => `${command.name()} ${usages.get(command.name()) ?? ''}`.trimEnd(),
  });
  for (const { name, summary, load } of entries) {
    const command = name === requested ? await load(words) : new Command(name);
    parent.addCommand(command.description(summary));
  }
}
