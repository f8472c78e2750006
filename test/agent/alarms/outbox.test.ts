import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TEST_HANG_MS } from '../../liveness.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { Person, Rig } from '../daemon.js';

test('messages that a limit drops raise an alarm, are counted, and the alarm ends with the outage', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  await broker.kill();
  const rig = await Rig.create(t, {
    mqtt: {
      url: broker.url,
      metricsIntervalMs: 1_000,
      backoffInitialMs: 100,
      backoffMaxMs: 1_000,
      outboxClasses: { metrics: { maxBytes: 4_096, drop: 'oldest' } },
    },
  });
  const daemon = await rig.start();
  const told = await daemon.logged((line) => line.code === 'HL_OUTBOX_DROPPED');
  assert.match(String(told.msg), /metrics \d/);
  await broker.up();
  const person = await Person.listen(t, broker.url, 5);
  const { body } = await person.until(
    ({ topic, body: { outbox } }) =>
      topic.endsWith('/metrics') && (outbox as { messages: number }).messages < 3,
  );
  const { dropped_total } = body.outbox as { dropped_total: Record<string, number> };
  assert.ok(dropped_total.metrics! > 0);
  assert.equal(dropped_total.event, 0);
  await person.until(
    ({ body: { alarms } }) =>
      Array.isArray(alarms) && !alarms.some(({ alarm }) => alarm === 'outbox'),
  );
});
