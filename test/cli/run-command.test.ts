import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Rig } from '../agent/daemon.js';
import { writeExportedLine, writeGpioTree } from '../alerts/sysfs-tree.js';
import { TEST_HANG_MS } from '../liveness.js';
import { until } from '../telemetry/tools.js';

/** Line 17 of the one chip. */
const GPIO = 529;
/** A defect that comes when the process is told to have one. */
const DEFECT = "process.on('SIGUSR2',()=>{throw%20new%20Error('defect')})";

function whyNoGpio(): string | false {
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) {
    return 'a private mount namespace needs root';
  }
  const onoff = fileURLToPath(new URL('../../../node_modules/onoff/package.json', import.meta.url));
  return existsSync(onoff) ? false : 'the optional package onoff is not installed';
}

for (const [how, signal, code] of [
  ['is stopped', 'SIGTERM', 0],
  ['has a defect', 'SIGUSR2', 1],
] as const) {
  test(`an output that an alert switched on is off when the daemon ${how}`, {
    skip: whyNoGpio(),
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t, {
      gpio: { driver: 'onoff', outputs: [{ name: 'horn', line: 17 }] },
      alerts: { rules: [{ name: 'strange', labels: ['unknown'], output: 'horn' }] },
    });
    const gpio = join(rig.dir, 'gpio');
    writeGpioTree(gpio, [{ base: 512, label: 'pinctrl-bcm2711', lines: 58 }]);
    writeExportedLine(gpio, GPIO, '1');
    const script =
      'mount -t tmpfs none /sys/class && mkdir /sys/class/gpio && ' +
      'mount --bind "$0" /sys/class/gpio && exec "$@"';
    const daemon = await rig.start({
      wrapper: ['unshare', '--mount', 'sh', '-c', script, gpio],
      env: { NODE_OPTIONS: `--import=data:text/javascript,${DEFECT}` },
    });
    const value = (): string => readFileSync(join(gpio, `gpio${GPIO}`, 'value'), 'utf8');
    await daemon.logged((line) => line.msg === 'alert raised');
    await until('the horn is on', () => value() === '1');
    assert.deepEqual(await daemon.stop(signal), { code });
    assert.equal(value(), '0');
  });
}
