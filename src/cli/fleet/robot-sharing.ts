import { Command } from 'commander';
import { commandLog } from '../support/command-log.js';
import { printJson, printLine } from '../support/output.js';
import type { StateOptions } from '../support/state-options.js';

/** Ends or begins the sharing of a robot; a running daemon follows within seconds. */
export function sharingCommand(name: 'withdraw' | 'join'): Command {
  return new Command(name).action(async (options: StateOptions & { json?: boolean }) => {
    const [{ resolveConfig }, { openState }, { FleetMemory }] = await Promise.all([
      import('../support/resolve-config.js'),
      import('../../agent/open-state.js'),
      import('../../fleet/robot/fleet-memory.js'),
    ]);
    const config = resolveConfig(options);
    const state = openState(config, commandLog());
    const withdrawn = name === 'withdraw';
    try {
      new FleetMemory(state.meta).withdraw(withdrawn);
      state.audit.append(withdrawn ? 'fleet-withdrawn' : 'fleet-joined', { source: 'cli' });
    } finally {
      state.close();
    }
    const { enabled, share } = config.fleet;
    if (options.json) printJson({ withdrawn, enabled, share });
    else printLine(outcome(withdrawn, enabled, share));
  });
}

function outcome(withdrawn: boolean, enabled: boolean, share: boolean): string {
  const off = enabled ? '' : ' fleet.enabled is false: this robot is in no fleet.';
  if (withdrawn) {
    return `this robot shares nothing from now on; its hub forgets what it has of it as soon as both are connected.${off}`;
  }
  if (!share) return `fleet.share is false: this robot goes on sharing nothing.${off}`;
  return `this robot shares again as the settings say.${off}`;
}
