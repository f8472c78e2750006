import { readFileSync } from 'node:fs';
import { loadOnoff, onoffOutputs } from '../../src/alerts/gpio/onoff.js';
import { silentLog } from '../../src/base/log.js';
import { configSchema } from '../../src/config/schema.js';

// Run by outputs.test.ts where /sys/class/gpio is a tree of its own: prints what the lines show.
const root = '/sys/class/gpio';
const value = (gpio: number): string =>
  ['direction', 'active_low', 'value']
    .map((file) => readFileSync(`${root}/gpio${gpio}/${file}`, 'utf8').trim())
    .join(' ');
const { gpio } = configSchema.parse({
  gpio: {
    outputs: [
      { name: 'horn', line: 17 },
      { name: 'beacon', line: 4, chipLabel: 'pinctrl-bcm2711', activeLow: true },
    ],
  },
});
const outputs = onoffOutputs(gpio.outputs, await loadOnoff(), silentLog(), root);
const report: Record<string, unknown> = { description: outputs.description };
report.opened = [value(529), value(516)];
outputs.set('horn', true);
report.hornOn = [value(529), value(516)];
outputs.set('beacon', true);
outputs.allOff();
report.allOff = [value(529), value(516)];
outputs.set('horn', true);
outputs.close();
outputs.allOff();
report.closed = [value(529), value(516)];
report.released = readFileSync(`${root}/unexport`, 'utf8');
process.stdout.write(JSON.stringify(report));
