import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Alerting } from '../../../src/agent/reporting/alerting.js';
import { Alarms } from '../../../src/base/alarms.js';
import { silentLog } from '../../../src/base/log.js';
import { configSchema } from '../../../src/config/schema.js';
import { gpioTree, usableOnoff } from '../../alerts/gpio-tree.js';
import { HANG_MS } from '../../liveness.js';

test('an output that cannot be opened is one critical alarm, and alerts go on without', async (t) => {
  if (existsSync('/sys/class/gpio')) {
    t.skip('this machine has GPIO');
    return;
  }
  const config = configSchema.parse({
    gpio: { driver: 'onoff', outputs: [{ name: 'horn', line: 17 }] },
    alerts: { rules: [{ name: 'any', labels: ['weed'], matches: 1, ofFrames: 1, output: 'horn' }] },
  });
  const raised: string[] = [];
  const events: string[] = [];
  const alarms = new Alarms({
    onRaised: ({ name, severity, error }) => raised.push(`${name} ${severity} ${error.code}`),
    onCleared: () => assert.fail('nothing was mended'),
  });
  const telemetry = { event: ({ kind }: { kind: string }) => events.push(kind) > 0 };
  const alerting = new Alerting(config, telemetry, alarms, silentLog());
  await alerting.open();
  const decision = { label: 'weed', probability: 0.9, guess: false, top: [], headVersion: 1 };
  alerting.observe('main', { ...decision, noveltyPValue: null }, 1_000);
  alerting.tick(5_000);
  alerting.allOff();
  await alerting.close();
  assert.deepEqual(raised, ['output-horn critical HL_GPIO_UNAVAILABLE']);
  assert.deepEqual(events, ['alert_raised', 'alert_cleared']);
});

test('an output comes back by itself, as its alert wants it, while the others work all along', async (t) => {
  const skip = await usableOnoff();
  if (skip) {
    t.skip(skip);
    return;
  }
  const tree = gpioTree(t, [{ base: 512, label: 'pinctrl-bcm2711', lines: 58 }], [529, 573]);
  const program = fileURLToPath(new URL('./alerting-machine.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(...tree.command(process.execPath, program), {
    encoding: 'utf8',
    timeout: HANG_MS,
  });
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), [
    'raised output-beacon HL_GPIO_LINE_UNKNOWN',
    'horn 1',
    'cleared output-beacon',
    'beacon 1',
    'off 0 0',
  ]);
});
