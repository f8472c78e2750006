import { Command } from 'commander';
import { localOperations } from '../../agent/local-operations.js';
import { openState } from '../../agent/open-state.js';
import { acquireInstanceLock } from '../../host/instance-lock.js';
import { parseVersion } from '../rollback-command.js';
import { commandLog } from '../support/command-log.js';
import { printJson, printLine } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import { type TaskOptions, withTaskOptions } from '../support/state-options.js';

interface PinOptions extends TaskOptions {
  json?: boolean;
}

/** Keeps a head serving, or ends that; a running daemon follows within seconds. */
export function pinCommand(): Command {
  return withTaskOptions(
    new Command('pin').argument(
      '<version|off>',
      'a version that `headland models heads` lists, or `off`',
      (text: string) => (text === 'off' ? null : parseVersion(text)),
    ),
  )
    .option('--json', 'print one JSON object')
    .action(async (version: number | null, options: PinOptions) => {
      const config = resolveConfig(options);
      const log = commandLog();
      const state = openState(config, log);
      // A training that ends meanwhile would move the same pointer.
      const lock = await acquireInstanceLock(config.paths.stateDir, 'train');
      try {
        const operations = localOperations(state, log);
        const by = { source: 'cli' } as const;
        if (version === null) await operations.unpin(by, options.task);
        else await operations.pin(version, by, options.task);
        if (options.json) printJson({ pinned: version });
        else printLine(described(version));
      } finally {
        await lock.release();
        state.close();
      }
    });
}

function described(version: number | null): string {
  return version === null
    ? 'no head is pinned: trainings may replace the serving head again'
    : `head ${version} is pinned: trainings do not replace it; \`headland pin off\` ends that`;
}
