import { readFileSync } from 'node:fs';
import { Alerting } from '../../../src/agent/reporting/alerts/alerting.js';
import { silentLog } from '../../../src/base/log.js';
import { configSchema } from '../../../src/config/schema.js';
import { addChip } from '../../alerts/gpio-tree.js';
import { recordedAlarms } from '../../recorder.js';

// Run by alerting.test.ts where /sys/class/gpio is a tree of its own: prints what happened, in order.
const root = '/sys/class/gpio';
const value = (gpio: number): string => readFileSync(`${root}/gpio${gpio}/value`, 'utf8').trim();
const rule = (output: string) => {
  return { name: output, labels: ['weed'], matches: 1, ofFrames: 1, output, holdMs: 3_600_000 };
};
const config = configSchema.parse({
  gpio: {
    driver: 'onoff',
    outputs: [
      { name: 'horn', line: 17 },
      { name: 'beacon', line: 3, chipLabel: 'raspberrypi-exp-gpio' },
    ],
  },
  alerts: { rules: [rule('horn'), rule('beacon')] },
});
const { alarms, changes, said } = recordedAlarms();
const alerting = new Alerting(config, { event: () => true }, alarms, silentLog());
await alerting.open();
alerting.observe(
  { camera: 'main', region: null },
  {
    task: 'main',
    decision: { label: 'weed', probability: 0.9, guess: false, noveltyPValue: null },
    scene: null,
  },
);
said.push(`horn ${value(529)}`);
addChip(root, { base: 570, label: 'raspberrypi-exp-gpio', lines: 8 });
await changes.until((change) => change === 'cleared output-beacon');
said.push(`beacon ${value(573)}`);
alerting.allOff();
said.push(`off ${value(529)} ${value(573)}`);
await alerting.close();
process.stdout.write(JSON.stringify(said));
