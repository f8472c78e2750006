import { Command } from 'commander';
import { parseVersion } from '../rollback-command.js';
import { printJson, printLine } from '../support/output.js';
import { type TaskOptions, withTaskOptions } from '../support/state-options.js';
import { changeHeads } from './change-heads.js';

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
      const by = { source: 'cli' } as const;
      await changeHeads(options, async (operations) => {
        if (version === null) await operations.unpin(by, options.task);
        else await operations.pin(version, by, options.task);
      });
      if (options.json) printJson({ pinned: version });
      else printLine(described(version));
    });
}

function described(version: number | null): string {
  return version === null
    ? 'no head is pinned: trainings may replace the serving head again'
    : `head ${version} is pinned: trainings do not replace it; \`headland pin off\` ends that`;
}
