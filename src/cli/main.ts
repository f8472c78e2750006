#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { COMMANDS } from './support/commands.js';
import { EXIT, endWhenPipeCloses, reportFailure } from './support/output.js';
import { packageVersion } from './support/version.js';

/** Makes a command and its subcommands throw usage errors instead of ending the process. */
function throwing(command: Command): Command {
  for (const inner of command.commands) throwing(inner);
  return command.exitOverride();
}

endWhenPipeCloses();
const usages = new Map(COMMANDS.map(({ name, usage }) => [name, usage]));
usages.set('help', '[command]');
const program = new Command('headland')
  .description('On-robot learning for field cameras')
  .version(packageVersion())
  .exitOverride()
  .showHelpAfterError('(see --help)')
  .configureHelp({
    showGlobalOptions: true,
    subcommandTerm: (command) => `${command.name()} ${usages.get(command.name()) ?? ''}`.trimEnd(),
  });
// `headland help NAME` and `headland --help NAME` show the help of that command.
const requested = process.argv.slice(2).find((word) => !word.startsWith('-') && word !== 'help');
for (const { name, summary, load } of COMMANDS) {
  // Of the others the list of commands needs only the name.
  const command = name === requested ? throwing(await load()) : new Command(name);
  program.addCommand(command.description(summary));
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode =
    error instanceof CommanderError
      ? error.exitCode === 0
        ? EXIT.ok
        : EXIT.usage
      : reportFailure(error, { json: process.argv.includes('--json') });
}
