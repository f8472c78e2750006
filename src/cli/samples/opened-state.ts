import type { State } from '../../agent/open-state.js';
import type { Operations } from '../../agent/operations.js';
import { commandLog } from '../support/command-log.js';
import type { StateOptions } from '../support/state-options.js';

/** The state of the robot; the configuration and the state are loaded on demand: the help does without. */
export async function openedState(options: StateOptions): Promise<State> {
  const [{ openState }, { resolveConfig }] = await Promise.all([
    import('../../agent/open-state.js'),
    import('../support/resolve-config.js'),
  ]);
  return openState(resolveConfig(options));
}

/** What changes the state. */
export async function operationsOn(state: State): Promise<Operations> {
  const { localOperations } = await import('../../agent/local-operations.js');
  return localOperations(state, commandLog());
}
