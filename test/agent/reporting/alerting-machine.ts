import { readFileSync } from 'node:fs';
import { Alerting } from '../../../src/agent/reporting/alerts/alerting.js';
import { silentLog } from '../../../src/base/log.js';
import { configSchema } from '../../../src/config/schema.js';
import { undecided } from '../../../src/perception/decision.js';
import type { EventBody } from '../../../src/telemetry/contract/messages.js';
import { recordedAlarms } from '../../recorder.js';

// Run by alerting.test.ts where /sys/class/gpio is a tree of its own: prints what the lines showed.
const value = (gpio: number): string =>
  readFileSync(`/sys/class/gpio/gpio${gpio}/value`, 'utf8').trim();
const levels = (): string => `${value(529)} ${value(516)}`;
const config = configSchema.parse({
  gpio: {
    driver: 'onoff',
    outputs: [
      { name: 'horn', line: 17 },
      { name: 'beacon', line: 4 },
    ],
  },
  alerts: {
    rules: [
      { name: 'stop', labels: ['stone'], matches: 2, ofFrames: 3, output: 'horn' },
      { name: 'look', labels: ['weed'], matches: 1, ofFrames: 1, output: 'beacon' },
      {
        name: 'late',
        labels: ['thistle'],
        matches: 1,
        ofFrames: 1,
        output: 'horn',
        delayMs: 300,
      },
      { name: 'wrong', labels: ['weed'], matches: 1, ofFrames: 1, output: 'siren' },
    ],
  },
});
const events: EventBody[] = [];
const { alarms, said } = recordedAlarms();
let nowMs = 0;
const alerting = new Alerting(
  config,
  { event: (body) => void events.push(body) },
  alarms,
  silentLog(),
  () => nowMs,
);
const seen: string[] = [];
const show = (label: string): void => {
  nowMs += 100;
  alerting.observe(
    { camera: 'main', region: null },
    { task: 'main', decision: { ...undecided(), label, probability: 0.9 }, scene: null },
  );
  seen.push(`${label} ${levels()}`);
};
await alerting.open();
seen.push(`open ${levels()}`);
for (const label of ['stone', 'crop', 'stone', 'weed']) show(label);
nowMs += 5_000;
alerting.tick();
seen.push(`later ${levels()}`);
show('thistle');
nowMs += 300;
alerting.tick();
seen.push(`due ${levels()}`);
alerting.allOff();
seen.push(`off ${levels()}`);
// Frames that are still in work while the daemon stops.
show('weed');
show('thistle');
nowMs += 300;
alerting.tick();
seen.push(`at the end ${levels()}`);
alerting.close();
const told = events.map(({ kind, severity, code, details }) => {
  return [kind, severity, code ?? null, details.rule ?? details.name];
});
process.stdout.write(JSON.stringify({ seen, told, said }));
