import type { State } from '../../src/agent/open-state.js';
import { silentLog } from '../../src/base/log.js';
import type { Config } from '../../src/config/schema.js';
import { Trainer } from '../../src/training/trainer.js';

/** Trains the only task of a state, in a process of its own as the daemon does. */
export function benchTrainer(config: Config, state: State): Trainer {
  return new Trainer({
    task: 'main',
    dbPath: state.databasePath,
    cacheDir: config.paths.cacheDir,
    registry: state.task().heads,
    settings: config,
    log: silentLog(),
  });
}
