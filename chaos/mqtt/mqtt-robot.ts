// Forked by `chaos mqtt`: sends events as a daemon does until it is killed. Says which it begins and which are
// stored; a line `clock <ms>` on its standard input moves its wall clock.
// argv: url, database, boot, number of its first event, number of events
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { silentLog } from '../../src/base/log.js';
import { openDatabase } from '../../src/storage/database.js';
import { Outbox } from '../../src/telemetry/outbox/outbox.js';
import { TelemetryClient } from '../../src/telemetry/telemetry-client.js';
import { event, mqttSettings } from '../../test/telemetry/tools.js';

const [url = '', path = '', boot = '', first = '0', count = '0'] = process.argv.slice(2);
const EVENT_INTERVAL_MS = 2;
const RealDate = Date;
let offsetMs = 0;

class SteppedDate extends RealDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(SteppedDate.now());
    else super(...(given as [number]));
  }

  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}

globalThis.Date = SteppedDate as DateConstructor;
createInterface({ input: process.stdin }).on('line', (line) => {
  offsetMs += Number(line.replace('clock ', ''));
});

const say = (line: string): void => void writeSync(1, `${line}\n`);
const database = openDatabase(path);
const outbox = new Outbox(database, {
  maxBytes: 67_108_864,
  maxAgeMs: 604_800_000,
  maxInFlight: 20,
  // The worst case: whatever the clock says counts as right.
  clocks: { isDateTrusted: () => true },
});
database.doNotBlock();
const client = new TelemetryClient({
  robotId: 'r1',
  namedTasks: false,
  boot,
  settings: mqttSettings({ url, protocol: '5', backoffInitialMs: 20, backoffMaxMs: 300 }),
  access: () => ({ url, credentials: {} }),
  outbox,
  alarms: { raise: () => {}, clear: () => {} },
  log: silentLog(),
});
client.start();
say('works');
const end = Number(first) + Number(count);
for (let index = Number(first); index < end; index++) {
  say(`begin ${index}`);
  if (client.event(event(index))) {
    await database.settled();
    say(`done ${index}`);
  }
  await wait(EVENT_INTERVAL_MS);
}
// Sends what is left until it is killed.
setInterval(() => client.tend(), 100);
