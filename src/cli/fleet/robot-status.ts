import { Command } from 'commander';
import type { TaskMemory } from '../../fleet/robot/fleet-memory.js';
import { commandLog } from '../support/command-log.js';
import { printJson, printLine } from '../support/output.js';
import type { StateOptions } from '../support/state-options.js';

/** What a robot has shared and taken, from its state folder: also while the daemon does not run. */
export function robotStatusCommand(): Command {
  return new Command('status').action(async (options: StateOptions & { json?: boolean }) => {
    const [{ resolveConfig }, { openState }, { FleetMemory, readTaskMemory }] = await Promise.all([
      import('../support/resolve-config.js'),
      import('../../agent/open-state.js'),
      import('../../fleet/robot/fleet-memory.js'),
    ]);
    const config = resolveConfig(options);
    const state = openState(config, commandLog());
    try {
      const { isWithdrawn } = new FleetMemory(state.meta);
      const { enabled, share, privacy } = config.fleet;
      const tasks = state.tasks.map(({ name, meta }) => {
        const { sums = null, head = null, releases = 0 } = readTaskMemory(meta) ?? {};
        const sent = sums && { version: sums.version, samples: sums.samples, basis: sums.basis };
        const releasesLeft =
          privacy.epsilon === null ? null : Math.max(0, privacy.releases - releases);
        return { task: name, shared: sent, head, releases_left: releasesLeft };
      });
      const shares = share && !isWithdrawn;
      if (options.json) {
        printJson({ enabled, share: shares, withdrawn: isWithdrawn, tasks });
        return;
      }
      printLine(
        enabled ? `in a fleet; ${shares ? 'shares sums' : 'shares nothing'}` : 'in no fleet',
      );
      for (const { task, shared, head, releases_left: left } of tasks) {
        const releases = left === null ? [] : [`${left} contributions with noise left`];
        printLine(`${task}: ${[sharedText(shared), headText(head), ...releases].join('; ')}`);
      }
    } finally {
      state.close();
    }
  });
}

function sharedText(shared: { version: number; samples: number } | null): string {
  if (shared === null) return 'nothing sent';
  return `sums of ${shared.samples} samples, version ${shared.version}`;
}

function headText(head: TaskMemory['head']): string {
  if (head === null) return 'no head of the fleet';
  const why = head.reason === null ? '' : ` (${head.reason})`;
  return `fleet head ${head.version} ${head.state}${why}`;
}
