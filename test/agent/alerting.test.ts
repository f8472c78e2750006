import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { Alerting } from '../../src/agent/reporting/alerting.js';
import { NO_ALARMS } from '../../src/base/alarms.js';
import { silentLog } from '../../src/base/log.js';
import { configSchema } from '../../src/config/schema.js';

test('outputs that cannot be opened are one critical event, and alerts go on without', async (t) => {
  if (existsSync('/sys/class/gpio')) {
    t.skip('this machine has GPIO');
    return;
  }
  const config = configSchema.parse({
    gpio: { driver: 'onoff', outputs: [{ name: 'horn', line: 17 }] },
  });
  const events: { kind: string; severity: string; code?: string | null | undefined }[] = [];
  const telemetry = {
    event: ({ kind, severity, code }: (typeof events)[number]) =>
      void events.push({ kind, severity, code }),
  };
  const alerting = new Alerting(config, telemetry, NO_ALARMS, silentLog());
  await alerting.open();
  alerting.tick(1_000);
  alerting.tick(2_000);
  alerting.allOff();
  alerting.close();
  assert.deepEqual(events, [{ kind: 'gpio', severity: 'critical', code: 'HL_GPIO_UNAVAILABLE' }]);
});
