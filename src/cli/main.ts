#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { auditCommand } from './audit.js';
import { benchCommand } from './bench.js';
import { configCommand } from './config.js';
import { demoCommand } from './demo/command.js';
import { evaluateCommand } from './evaluate.js';
import { exportCommand } from './export.js';
import { exportModelCommand } from './export-model.js';
import { importCommand } from './import.js';
import { labelCommand } from './label.js';
import { modelsCommand } from './models.js';
import { EXIT, reportFailure } from './output.js';
import { rollbackCommand } from './rollback.js';
import { runCommand } from './run.js';
import { statusCommand } from './status.js';
import { studyCommand } from './study.js';
import { trainCommand } from './train.js';
import { packageVersion } from './version.js';

const program = new Command('headland')
  .description('On-robot learning for field cameras')
  .version(packageVersion())
  .exitOverride()
  .showHelpAfterError('(see --help)')
  .configureHelp({ showGlobalOptions: true });
for (const command of [
  runCommand(),
  demoCommand(),
  importCommand(),
  exportCommand(),
  exportModelCommand(),
  labelCommand(),
  trainCommand(),
  evaluateCommand(),
  studyCommand(),
  rollbackCommand(),
  modelsCommand(),
  benchCommand(),
  statusCommand(),
  auditCommand(),
  configCommand(),
]) {
  program.addCommand(command.exitOverride());
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
