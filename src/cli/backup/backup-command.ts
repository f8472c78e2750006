import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { HeadlandError } from '../../base/errors.js';
import { formatBytes, printJson, printLine } from '../support/output.js';
import { type StateOptions, withStateOptions } from '../support/state-options.js';
import { packageVersion } from '../support/version.js';

interface BackupOptions extends StateOptions {
  json?: boolean;
}

/** Backs up the state: everything into a file, or as the daemon does by itself. */
export function backupCommand(): Command {
  return withStateOptions(
    new Command('backup').argument('[file]', 'new file for everything, also pictures'),
  )
    .option('--json', 'print one JSON object')
    .action(async (file: string | undefined, options: BackupOptions) => {
      const [
        { resolveConfig },
        { openWholeDatabase },
        { backUpEverything, makeBackup },
        { backupFolderOf },
      ] = await Promise.all([
        import('../support/resolve-config.js'),
        import('../../agent/safekeeping/examine-state.js'),
        import('../../agent/safekeeping/make-backup.js'),
        import('../../agent/safekeeping/witnesses.js'),
      ]);
      const config = resolveConfig(options);
      const { stateDir } = config.paths;
      // A damaged database is not backed up.
      const database = openWholeDatabase(config);
      const { path } = database;
      database.close();
      const version = packageVersion();
      if (file !== undefined) {
        if (existsSync(file)) throw targetExists(file);
        const manifest = backUpEverything({ path, stateDir, target: file, version });
        const { labels, samples } = manifest;
        if (options.json) printJson({ file, labels, samples, pictures: true });
        else printLine(`${file}: ${labels} labels, ${samples} samples with their pictures`);
        return;
      }
      const { keep, maxBytes } = config.backup;
      const folder = backupFolderOf(config);
      const { minFreeBytes } = config.samples;
      const plan = { path, stateDir, version, folder, keep, maxBytes, minFreeBytes };
      const made = makeBackup(plan);
      if (options.json) printJson({ file: made.path, bytes: made.bytes, removed: made.removed });
      else if (made.path === null) printLine('nothing has changed since the newest backup');
      else printLine(`${made.path}: ${formatBytes(made.bytes)}, without pictures`);
    });
}

function targetExists(file: string): HeadlandError {
  return new HeadlandError('HL_BACKUP_EXISTS', `${file} exists`, {
    remedy: 'Name a new file: a backup never replaces another one.',
    details: { file },
  });
}
