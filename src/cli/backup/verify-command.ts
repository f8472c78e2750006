import { Command } from 'commander';
import type { StateVerification } from '../../agent/safekeeping/verify-state.js';
import type { Config } from '../../config/schema.js';
import { EXIT, printJson, printLine } from '../support/output.js';
import { type StateOptions, withStateOptions } from '../support/state-options.js';

interface VerifyOptions extends StateOptions {
  repair?: boolean;
  json?: boolean;
}

/** Checks every byte of a backup, or of the database and its backups; repairs the database on request. */
export function verifyCommand(): Command {
  return withStateOptions(
    new Command('verify').argument('[file]', 'a backup; without it, the database and all backups'),
  )
    .option('--repair', 'repair a damaged or lost database, as the daemon does by itself')
    .option('--json', 'print one JSON object')
    .action(async (file: string | undefined, options: VerifyOptions) => {
      if (file !== undefined) return verifyFile(file, options);
      const { resolveConfig } = await import('../support/resolve-config.js');
      await verifyRobot(resolveConfig(options), options);
    });
}

async function verifyFile(file: string, { json }: VerifyOptions): Promise<void> {
  const { wholeManifest } = await import('../../agent/safekeeping/restore-state.js');
  const { createdAt, labels, samples, pictures } = wholeManifest(file);
  if (json) return printJson({ file, createdAt, labels, samples, pictures });
  const without = pictures ? '' : ', without pictures';
  printLine(`${file} is whole: ${labels} labels, ${samples} samples of ${createdAt}${without}`);
}

async function verifyRobot(config: Config, { repair, json }: VerifyOptions): Promise<void> {
  const [{ verifyState }, { isStateLocked, acquireStateLock }] = await Promise.all([
    import('../../agent/safekeeping/verify-state.js'),
    import('../../agent/lifetime/state-lock.js'),
  ]);
  const { stateDir } = config.paths;
  const lock = repair ? await acquireStateLock(stateDir, 'run') : null;
  try {
    const inUse = lock === null && (await isStateLocked(stateDir, 'run'));
    const { database, backups } = verifyState(config, inUse);
    const [problem] = database;
    const repaired = lock !== null && problem !== undefined ? await mend(config, problem) : null;
    const isWhole = database.length === 0 || repaired !== null;
    if (json) printJson({ database, backups, repaired });
    else printVerification({ database, backups }, repaired?.text ?? null);
    if (!isWhole || backups.some(({ problems }) => problems.length > 0)) {
      process.exitCode = EXIT.failed;
    }
  } finally {
    await lock?.release();
  }
}

function printVerification(
  { database, backups }: StateVerification,
  repaired: string | null,
): void {
  for (const each of database) printLine(`database: ${each}`);
  if (database.length === 0) printLine('the database is whole');
  if (repaired !== null) printLine(repaired);
  for (const { path, createdAt, labels, problems } of backups) {
    const state = problems.length === 0 ? 'is whole' : problems.join('; ');
    printLine(`${path} of ${createdAt}, ${labels} labels: ${state}`);
  }
}

async function mend(config: Config, problem: string) {
  const [{ repairStore, describeRepair }, { databasePathOf }, { backupFolderOf }, errors] =
    await Promise.all([
      import('../../agent/safekeeping/repair-store.js'),
      import('../../agent/lifetime/state-folder.js'),
      import('../../agent/safekeeping/witnesses.js'),
      import('../../storage/store-error.js'),
    ]);
  const path = databasePathOf(config);
  const report = repairStore({
    path,
    stateDir: config.paths.stateDir,
    backupFolder: backupFolderOf(config),
    cause: errors.damagedFile(path, problem).toJSON(),
  });
  return { ...report, text: describeRepair(report) };
}
