import type { Operations } from '../../agent/operations.js';
import { commandLog } from '../support/command-log.js';
import type { TaskOptions } from '../support/state-options.js';

/**
 * Changes which head serves, in the state folder of the configuration. No training runs meanwhile: at its
 * end it would move the same pointer.
 * @throws HeadlandError HL_ALREADY_RUNNING while a training runs, and what `change` throws
 */
export async function changeHeads<T>(
  options: TaskOptions,
  change: (operations: Operations) => Promise<T>,
): Promise<T> {
  // On demand: the help and a wrong version do without.
  const [{ resolveConfig }, { openState }, { localOperations }, { acquireStateLock }] =
    await Promise.all([
      import('../support/resolve-config.js'),
      import('../../agent/open-state.js'),
      import('../../agent/local-operations.js'),
      import('../../agent/lifetime/state-lock.js'),
    ]);
  const config = resolveConfig(options);
  const log = commandLog();
  const state = openState(config, log);
  try {
    const lock = await acquireStateLock(config.paths.stateDir, 'train');
    try {
      return await change(localOperations(state, log));
    } finally {
      await lock.release();
    }
  } finally {
    state.close();
  }
}
