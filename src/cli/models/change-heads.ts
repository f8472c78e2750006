import { localOperations } from '../../agent/local-operations.js';
import { openState } from '../../agent/open-state.js';
import type { Operations } from '../../agent/operations.js';
import { acquireInstanceLock } from '../../host/instance-lock.js';
import { commandLog } from '../support/command-log.js';
import { resolveConfig } from '../support/resolve-config.js';
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
  const config = resolveConfig(options);
  const log = commandLog();
  const state = openState(config, log);
  try {
    const lock = await acquireInstanceLock(config.paths.stateDir, 'train');
    try {
      return await change(localOperations(state, log));
    } finally {
      await lock.release();
    }
  } finally {
    state.close();
  }
}
