#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { EXIT, endWhenPipeCloses, reportFailure } from './support/output.js';
import { packageVersion } from './support/version.js';

/** In the order of the help. A command is loaded only when it is used, which saves memory in the daemon. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  run: async () => (await import('./run-command.js')).runCommand(),
  demo: async () => (await import('./demo/demo-command.js')).demoCommand(),
  import: async () => (await import('./import-command.js')).importCommand(),
  'export-samples': async () => (await import('./export-command.js')).exportCommand(),
  sync: async () => (await import('./sync-command.js')).syncCommand(),
  export: async () => (await import('./export-model-command.js')).exportModelCommand(),
  label: async () => (await import('./label-command.js')).labelCommand(),
  train: async () => (await import('./train-command.js')).trainCommand(),
  evaluate: async () => (await import('./evaluate-command.js')).evaluateCommand(),
  study: async () => (await import('./study-command.js')).studyCommand(),
  rollback: async () => (await import('./rollback-command.js')).rollbackCommand(),
  models: async () => (await import('./models/models-command.js')).modelsCommand(),
  bench: async () => (await import('./bench/bench-command.js')).benchCommand(),
  status: async () => (await import('./status-command.js')).statusCommand(),
  audit: async () => (await import('./audit-command.js')).auditCommand(),
  alerts: async () => (await import('./alerts/alerts-command.js')).alertsCommand(),
  outputs: async () => (await import('./alerts/outputs-command.js')).outputsCommand(),
  gpio: async () => (await import('./gpio/gpio-command.js')).gpioCommand(),
  config: async () => (await import('./config-command.js')).configCommand(),
};

/** Makes a command and its subcommands throw usage errors instead of ending the process. */
function throwing(command: Command): Command {
  for (const inner of command.commands) throwing(inner);
  return command.exitOverride();
}

endWhenPipeCloses();
const program = new Command('headland')
  .description('On-robot learning for field cameras')
  .version(packageVersion())
  .exitOverride()
  .showHelpAfterError('(see --help)')
  .configureHelp({ showGlobalOptions: true });
const [requested = ''] = process.argv.slice(2);
const names = Object.hasOwn(COMMANDS, requested) ? [requested] : Object.keys(COMMANDS);
for (const name of names) program.addCommand(throwing(await COMMANDS[name]!()));

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
