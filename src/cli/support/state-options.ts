import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';

export const DEFAULT_CONFIG_PATH = '/etc/headland/headland.yaml';

export interface StateOptions {
  config?: string;
  state?: string;
  cache?: string;
}

/** Adds the options of every command that works on the state of a robot. */
export function withStateOptions(command: Command): Command {
  return command
    .option('--config <file>', `configuration file (default: ${DEFAULT_CONFIG_PATH} if it exists)`)
    .option('--state <dir>', 'state directory, instead of paths.stateDir')
    .option('--cache <dir>', 'cache directory, instead of paths.cacheDir');
}

export interface TaskOptions extends StateOptions {
  task?: string;
}

/** Adds the options of every command that works on one task of a robot. */
export function withTaskOptions(
  command: Command,
  description = 'task of the robot; may be left out when it has one',
): Command {
  return withStateOptions(command).option('--task <name>', description);
}

/** The configuration file of a command: the given one, else the installed one; null: neither. */
export function configFileOf({ config }: Pick<StateOptions, 'config'>): string | null {
  return config ?? (existsSync(DEFAULT_CONFIG_PATH) ? DEFAULT_CONFIG_PATH : null);
}

/** Cache folder of a user, following the XDG specification. */
export function userCacheDir(environment: NodeJS.ProcessEnv): string {
  const base = environment.XDG_CACHE_HOME ?? join(environment.HOME ?? '/root', '.cache');
  return join(base, 'headland');
}
