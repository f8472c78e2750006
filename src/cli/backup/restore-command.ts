import { Command } from 'commander';
import { printJson, printLine } from '../support/output.js';
import { type StateOptions, withStateOptions } from '../support/state-options.js';

interface RestoreOptions extends StateOptions {
  json?: boolean;
}

/** Puts the state of a backup in the place of the present one, which is kept beside it. */
export function restoreCommand(): Command {
  return withStateOptions(
    new Command('restore').argument(
      '<file>',
      'a file of `headland backup`, or an automatic backup',
    ),
  )
    .option('--json', 'print one JSON object')
    .action(async (file: string, options: RestoreOptions) => {
      const [{ resolveConfig }, { restoreState, wholeManifest }, folders, { acquireStateLock }] =
        await Promise.all([
          import('../support/resolve-config.js'),
          import('../../agent/safekeeping/restore-state.js'),
          import('../../agent/lifetime/state-folder.js'),
          import('../../agent/lifetime/state-lock.js'),
        ]);
      const config = resolveConfig(options);
      const { stateDir } = config.paths;
      wholeManifest(file);
      folders.createStateDir(stateDir);
      const lock = await acquireStateLock(stateDir, 'run');
      const training = await acquireStateLock(stateDir, 'train').catch(async (error: unknown) => {
        await lock.release();
        throw error;
      });
      try {
        const path = folders.databasePathOf(config);
        const { manifest, before, labels, samples, heads } = restoreState({ file, stateDir, path });
        const { createdAt, pictures } = manifest;
        if (options.json) return printJson({ createdAt, labels, samples, heads, pictures, before });
        const without = pictures ? '' : ' (without pictures)';
        printLine(
          `restored the state of ${createdAt}: ${labels} labels, ${samples} samples${without}, ${heads} heads`,
        );
        if (before !== null) printLine(`what was there before is in ${before}`);
      } finally {
        await training.release();
        await lock.release();
      }
    });
}
