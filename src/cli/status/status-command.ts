import { Command } from 'commander';
import { printJson, printLine, table } from '../support/output.js';
import { type StateOptions, withStateOptions } from '../support/state-options.js';
import { findStatus, type KnownStatus } from './find-status.js';
import { statusRows } from './status-rows.js';

interface StatusOptions extends StateOptions {
  json?: boolean;
}

/** Shows the status of the daemon of this machine, or of the one behind the configured broker. */
export function statusCommand(): Command {
  return withStateOptions(new Command('status'))
    .option('--json', 'print one JSON object')
    .action(async (options: StatusOptions) => {
      const found = await findStatus(options, options.json === true);
      if (options.json) return printJson(asJson(found[0]));
      printLine(found.map((each) => table(statusRows(each), '')).join('\n\n'));
    });
}

function asJson({ robot, pid, stateDir, demo, status }: KnownStatus): object {
  return { robot, pid, state_dir: stateDir, demo, ...status };
}
