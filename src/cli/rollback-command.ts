import { Command, InvalidArgumentError } from 'commander';
import { localOperations } from '../agent/local-operations.js';
import { openState } from '../agent/open-state.js';
import { acquireInstanceLock } from '../host/instance-lock.js';
import { commandLog } from './support/command-log.js';
import { printJson, printLine } from './support/output.js';
import { resolveConfig } from './support/resolve-config.js';
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
      const config = resolveConfig(options);
      const log = commandLog();
      const state = openState(config, log);
      // A training that ends meanwhile would move the same pointer.
      const lock = await acquireInstanceLock(config.paths.stateDir, 'train');
      try {
        const operations = localOperations(state, log);
        const { card } = await operations.rollback(version, { source: 'cli' }, options.task);
        if (options.json) printJson({ head_version: card.version });
        else printLine(`head ${card.version} is serving; a running daemon switches within seconds`);
      } finally {
        await lock.release();
        state.close();
      }
    });
}

export function parseVersion(text: string): number {
  const version = Number(text);
  if (!Number.isInteger(version) || version < 1) {
    throw new InvalidArgumentError('a version must be a whole number of at least 1');
  }
  return version;
}
