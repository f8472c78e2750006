import { Command, InvalidArgumentError } from 'commander';
import { changeHeads } from './models/change-heads.js';
import { printJson, printLine } from './support/output.js';
import { type TaskOptions, withTaskOptions } from './support/state-options.js';

interface RollbackOptions extends TaskOptions {
  json?: boolean;
}

/** Switches back to an older head; a running daemon follows within seconds. */
export function rollbackCommand(): Command {
  return withTaskOptions(
    new Command('rollback').argument(
      '[version]',
      'a version that `headland models heads` lists',
      parseVersion,
    ),
  )
    .option('--json', 'print one JSON object')
    .action(async (version: number | undefined, options: RollbackOptions) => {
      const { card } = await changeHeads(options, (operations) =>
        operations.rollback(version, { source: 'cli' }, options.task),
      );
      if (options.json) printJson({ head_version: card.version });
      else printLine(`head ${card.version} is serving; a running daemon switches within seconds`);
    });
}

export function parseVersion(text: string): number {
  const version = Number(text);
  if (!Number.isInteger(version) || version < 1) {
    throw new InvalidArgumentError('a version must be a whole number of at least 1');
  }
  return version;
}
