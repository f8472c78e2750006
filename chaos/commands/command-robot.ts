// A robot that only takes commands, in a process that the campaign kills:
// `node command-robot.js BROKER DATABASE LEDGER BOOT PUBLIC-KEY`.
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
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
}

function main([url = '', path = '', ledger = '', boot = '', publicKey = '']: string[]): void {
  const { mqtt } = configSchema.parse({});
  const database = openDatabase(path);
  database.doNotBlock();
  const settings = {
    ...mqtt,
    commandsPerMinute: 60_000,
    backoffInitialMs: 50,
    backoffMaxMs: 1_000,
    willDelaySeconds: 0,
  };
  const outbox = new Outbox(database, {
    maxBytes: settings.outboxMaxBytes,
    maxAgeMs: settings.outboxMaxAgeMs,
    maxInFlight: settings.maxInFlight,
  });
  const client = new TelemetryClient({
    robotId: ROBOT_ID,
    namedTasks: false,
    boot,
    settings,
    access: () => ({ url, credentials: {} }),
    outbox,
    alarms: new Alarms({ onRaised: () => {}, onCleared: () => {} }),
    log: silentLog(),
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
  process.on('message', () => {
    const { connected, commandsAccepted: accepted, commandsRefused: refused } = client.stats();
    process.send?.({ connected, accepted, refused } satisfies RobotCounts);
  });
  client.start();
}

if (process.argv[1]?.endsWith('command-robot.js')) main(process.argv.slice(2));
