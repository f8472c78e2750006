import { Command, CommanderError } from 'commander';
import { addCommands } from './command-table.js';
import { COMMANDS } from './commands.js';
import { EXIT, endWhenPipeCloses, reportFailure } from './support/output.js';
import { packageVersion } from './support/version.js';

/** Makes a command and its subcommands throw usage errors instead of ending the process. */
function throwing(command: Command): Command {
  for (const inner of command.commands) throwing(inner);
  return command.exitOverride();
}

endWhenPipeCloses();
const program = new Command('headland')
  .description('On-robot learning for field cameras')
  .version(packageVersion())
  .showHelpAfterError('(see --help)')
  .configureHelp({ showGlobalOptions: true });
// `headland help NAME` and `headland --help NAME` show the help of that command.
const words = process.argv.slice(2).filter((word) => !word.startsWith('-') && word !== 'help');
await addCommands(program, COMMANDS, words);
throwing(program);

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
