import { loadConfigFile, validateConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { configFileOf, type StateOptions } from './state-options.js';

/**
 * The configuration for a command: the given file, else the installed one, else defaults. State and
 * cache folders on the command line take precedence.
 */
export function resolveConfig(options: StateOptions): Config {
  const file = configFileOf(options);
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
