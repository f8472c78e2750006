import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Rig } from '../agent/daemon.js';
import { gpioTree, usableOnoff } from '../alerts/gpio-tree.js';
import { TEST_HANG_MS } from '../liveness.js';
import { until } from '../telemetry/tools.js';

const withoutOnoff = await usableOnoff();

/** Line 17 of the one chip. */
const GPIO = 529;
/** A defect that comes when the process is told to have one. */
const DEFECT = "process.on('SIGUSR2',()=>{throw%20new%20Error('defect')})";

for (const [how, signal, code] of [
  ['is stopped', 'SIGTERM', 0],
  ['has a defect', 'SIGUSR2', 1],
] as const) {
  test(`an output that an alert switched on is off when the daemon ${how}`, {
    skip: withoutOnoff ?? false,
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t, {
      gpio: { driver: 'onoff', outputs: [{ name: 'horn', line: 17 }] },
      alerts: { rules: [{ name: 'strange', labels: ['unknown'], output: 'horn' }] },
    });
    const tree = gpioTree(t, [{ base: 512, label: 'pinctrl-bcm2711', lines: 58 }], [GPIO]);
    const [command, words] = tree.command();
    const daemon = await rig.start({
      wrapper: [command, ...words],
      env: { NODE_OPTIONS: `--import=data:text/javascript,${DEFECT}` },
    });
    const value = (): string => readFileSync(join(tree.root, `gpio${GPIO}`, 'value'), 'utf8');
    await daemon.logged((line) => line.msg === 'alert raised');
    await until('the horn is on', () => value() === '1');
    assert.deepEqual(await daemon.stop(signal), { code });
    assert.equal(value(), '0');
  });
}
