import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { createLog, type Log } from '../../base/log.js';
import { loadConfigFile, validateConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';

export const DEFAULT_CONFIG_PATH = '/etc/headland/headland.yaml';

export interface StateOptions {
  config?: string;
  state?: string;
  cache?: string;
}

/** The options of every command that works on a robot's state. */
export function withStateOptions(command: Command): Command {
  return command
    .option('--config <file>', `configuration file (default: ${DEFAULT_CONFIG_PATH} if it exists)`)
    .option('--state <dir>', 'state directory, instead of paths.stateDir')
    .option('--cache <dir>', 'cache directory, instead of paths.cacheDir');
}

/**
 * The configuration a command works with: the file named, else the installed one, else defaults;
 * state and cache as given on the command line.
 */
export function resolveConfig(options: StateOptions): Config {
  const file = options.config ?? (existsSync(DEFAULT_CONFIG_PATH) ? DEFAULT_CONFIG_PATH : null);
  const config = file === null ? validateConfig({}) : loadConfigFile(file);
  if (options.state === undefined && options.cache === undefined) return config;
  return validateConfig({
    ...config,
    paths: {
      stateDir: options.state ?? config.paths.stateDir,
      cacheDir: options.cache ?? config.paths.cacheDir,
    },
  });
}

/** Where a person's own cache lives when nothing is configured. */
export function userCacheDir(environment: NodeJS.ProcessEnv): string {
  const base = environment.XDG_CACHE_HOME ?? join(environment.HOME ?? '/root', '.cache');
  return join(base, 'headland');
}

/** Commands log to standard error, so that standard output stays data. */
export function commandLog(verbose = false): Log {
  return createLog({ level: verbose ? 'debug' : 'warn', fileDescriptor: 2 });
}
