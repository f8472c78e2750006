// A robot that only takes commands, in a process that the campaign kills:
// `node command-robot.js BROKER DATABASE LEDGER BOOT PUBLIC-KEY [COMMANDS-PER-MINUTE]`.
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Alarms } from '../../src/base/alarms.js';
import { silentLog } from '../../src/base/log.js';
import { configSchema } from '../../src/config/schema.js';
import { CommandLedger } from '../../src/storage/commands/command-ledger.js';
import { openDatabase } from '../../src/storage/database.js';
import { CommandGuard } from '../../src/telemetry/commands/command-guard.js';
import { Outbox } from '../../src/telemetry/outbox/outbox.js';
import { TelemetryClient } from '../../src/telemetry/telemetry-client.js';

export const ROBOT_ID = 'chaos';

/** What the robot tells the campaign when asked. */
export interface RobotCounts {
  connected: boolean;
  accepted: number;
  refused: number;
  /** Refusals that were told, by code. */
  told: Record<string, number>;
  /** Bytes of memory of the process. */
  rssBytes: number;
  /** Longest pause between two turns of work in this process since the last `begin`, milliseconds. */
  longestTurnMs: number;
}

function main([
  url = '',
  path = '',
  ledger = '',
  boot = '',
  publicKey = '',
  perMinute = '60000',
]: string[]): void {
  const { mqtt } = configSchema.parse({});
  const database = openDatabase(path);
  database.doNotBlock();
  const settings = {
    ...mqtt,
    commandsPerMinute: Number(perMinute),
    backoffInitialMs: 50,
    backoffMaxMs: 1_000,
    willDelaySeconds: 0,
  };
  const outbox = new Outbox(database, {
    maxBytes: settings.outboxMaxBytes,
    maxAgeMs: settings.outboxMaxAgeMs,
    maxInFlight: settings.maxInFlight,
  });
  const told: Record<string, number> = {};
  const client = new TelemetryClient({
    robotId: ROBOT_ID,
    namedTasks: false,
    boot,
    settings,
    access: () => ({ url, credentials: {} }),
    outbox,
    alarms: new Alarms({ onRaised: () => {}, onCleared: () => {} }),
    log: silentLog(),
    onRefused: (_name, { code }) => {
      told[code] = (told[code] ?? 0) + 1;
    },
    guard: new CommandGuard({
      robotId: ROBOT_ID,
      boot,
      ledger: new CommandLedger(database),
      settingsKeys: [{ name: 'chaos', publicKey }],
      requireSignature: true,
    }),
  });
  client.onCommand(async (command) => {
    // The execution: on the disk before anything is told, so that a killed robot has no excuse.
    const file = openSync(ledger, 'a');
    writeSync(file, `${command.transaction ?? `none-${command.name}`}\n`);
    fsyncSync(file);
    closeSync(file);
    return { done: true };
  });
  // A robot decides on a frame in such a turn: commands must not keep it away for long.
  const turns = monitorEventLoopDelay({ resolution: 5 });
  turns.enable();
  process.on('message', (asked) => {
    const { connected, commandsAccepted: accepted, commandsRefused: refused } = client.stats();
    const longestTurnMs = turns.max / 1e6;
    if (asked === 'begin') turns.reset();
    const rssBytes = process.memoryUsage.rss();
    const counts = { connected, accepted, refused, told, rssBytes, longestTurnMs };
    process.send?.(counts satisfies RobotCounts);
  });
  client.start();
}

if (process.argv[1]?.endsWith('command-robot.js')) main(process.argv.slice(2));
