import { Command } from 'commander';
import { openPresentState } from '../../agent/access/present-state.js';
import { DoNotDisturb, type Hold } from '../../agent/do-not-disturb.js';
import { MAX_HOLD_SECONDS } from '../../telemetry/contract/command-contract.js';
import { failureLog } from '../support/command-log.js';
import { type OutputOptions, printJson, printLine } from '../support/output.js';
import { parseWhole } from '../support/parse-whole.js';
import { resolveConfig } from '../support/resolve-config.js';
import { type StateOptions, withStateOptions } from '../support/state-options.js';

const BY = { source: 'cli' } as const;
const DEFAULT_SECONDS = 60;

interface HoldOptions extends StateOptions, OutputOptions {
  seconds: number;
  reason?: string;
}

/** Holds the robot: no training and no other head until `release` or the end of the time. */
export function holdCommand(): Command {
  return withStateOptions(
    new Command('hold').argument('<holder>', 'name of the program; it renews with the same name'),
  )
    .option(
      '--seconds <n>',
      'time after which the hold ends by itself',
      parseWhole(1, MAX_HOLD_SECONDS),
      DEFAULT_SECONDS,
    )
    .option('--reason <text>', 'for people')
    .option('--json', 'print one JSON object')
    .action((holder: string, options: HoldOptions) =>
      change(options, 'hold', { holder, seconds: options.seconds }, (lock) => {
        lock.hold(holder.slice(0, 64), options.seconds, options.reason?.slice(0, 128) ?? null);
      }),
    );
}

/** Ends the hold of a program. */
export function releaseCommand(): Command {
  return withStateOptions(
    new Command('release').argument('<holder>', 'name that `headland status` shows'),
  )
    .option('--json', 'print one JSON object')
    .action((holder: string, options: HoldOptions) =>
      change(options, 'release', { holder }, (lock) => void lock.release(holder)),
    );
}

async function change(
  options: HoldOptions,
  name: string,
  details: Record<string, unknown>,
  work: (lock: DoNotDisturb) => void,
): Promise<void> {
  const state = openPresentState(resolveConfig(options), failureLog);
  try {
    const lock = new DoNotDisturb(state.holds);
    await state.audit.around(name, details, BY, () => work(lock));
    print(lock.holds(), options);
  } finally {
    state.close();
  }
}

function print(holds: readonly Hold[], options: OutputOptions): void {
  if (options.json) {
    return void printJson({
      holds: holds.map(({ holder, reason, secondsLeft }) => {
        return { holder, reason, seconds_left: secondsLeft };
      }),
    });
  }
  if (holds.length === 0) return void printLine('nobody holds the robot');
  for (const { holder, secondsLeft } of holds) {
    printLine(
      `${holder} holds the robot for ${Math.ceil(secondsLeft)} s: no training, no other head`,
    );
  }
}
