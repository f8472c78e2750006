import { Command } from 'commander';
import { DEFAULT_CONFIG_PATH } from '../support/state-options.js';
import type { RunOptions } from './run-daemon.js';

/** Runs the daemon until SIGTERM or SIGINT, then shuts it down in order. */
export function runCommand(): Command {
  return new Command('run')
    .option('--config <file>', 'configuration file', DEFAULT_CONFIG_PATH)
    .action(async (options: RunOptions) => {
      const { runDaemon } = await import('./run-daemon.js');
      await runDaemon(options);
    });
}
