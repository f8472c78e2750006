import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NO_ALARMS } from '../../src/base/alarms.js';
import type { Config } from '../../src/config/schema.js';
import { SessionRescue } from '../../src/telemetry/connection/session-rescue.js';
import { TelemetryClient } from '../../src/telemetry/telemetry-client.js';
import { TEST_HANG_MS } from '../liveness.js';
import { recordedLog } from '../recorder.js';
import { temporaryFolder } from '../temporary-folder.js';
import { type Script, scriptedBroker } from './scripted-broker.js';
import { event, mqttSettings, openOutbox, until } from './tools.js';

async function lockedOut(t: TestContext, script: Script, settings: Partial<Config['mqtt']>) {
  const broker = await scriptedBroker(t, script);
  const { log, lines } = recordedLog();
  const store = openOutbox(join(temporaryFolder(t), 'outbox.db'));
  const client = new TelemetryClient({
    namedTasks: false,
    robotId: 'r1',
    boot: 'boot-1',
    settings: mqttSettings(settings),
    access: () => ({ url: broker.url, credentials: {} }),
    outbox: store.outbox,
    alarms: NO_ALARMS,
    log,
  });
  t.after(async () => {
    await client.stop();
    store.close();
  });
  client.event(event(1));
  client.start();
  await broker.published.until(({ topic }) => topic.endsWith('/event'), 'the event');
  await until('an empty outbox', () => store.outbox.waiting === 0);
  const told = () => lines.all.flatMap(({ sessionStart }) => sessionStart ?? []);
  return { broker, client, told };
}

test('MQTT 5: a session at which each subscription ends is given up once, and the next one lasts', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  let isGivenUp = false;
  const script: Script = {
    subscribe: (_, { clean }) => {
      isGivenUp ||= clean === true;
      return isGivenUp ? 'grant' : 'close';
    },
  };
  const { broker, client, told } = await lockedOut(t, script, { protocol: '5' });
  const begun = () => broker.connects.all.map(({ clean }) => clean);
  assert.deepEqual(begun(), [false, false, false, true]);
  const expiries = broker.connects.all.map(({ properties }) => properties?.sessionExpiryInterval);
  assert.deepEqual([...new Set(expiries)], [604_800], 'also the new session lasts');
  assert.deepEqual(told(), ['fresh']);

  broker.drop();
  await broker.connects.count(5);
  await until('ready again', () => client.connected);
  assert.equal(begun()[4], false);
  assert.deepEqual(
    broker.subscriptions.all.map(({ subscriptions }) => subscriptions[0]?.qos),
    [1, 1, 1, 1, 1],
  );
  assert.deepEqual(told(), ['fresh'], 'said once');
});

for (const protocol of ['3.1.1', '5'] as const) {
  test(`MQTT ${protocol}: where no queue can be had, commands come without one`, {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const script: Script = {
      subscribe: ({ subscriptions }) => (subscriptions[0]?.qos === 0 ? 'grant' : 'close'),
    };
    const { broker, client, told } = await lockedOut(t, script, { protocol });
    const asked = () => broker.subscriptions.all.map(({ subscriptions }) => subscriptions[0]?.qos);
    const before = protocol === '5' ? [1, 1, 1, 1, 0] : [1, 1, 1, 0];
    assert.deepEqual(asked(), before);
    assert.equal(broker.connects.all.at(-1)?.clean, true);
    assert.deepEqual(told(), ['queueless']);

    broker.drop();
    await broker.subscriptions.count(before.length + 1);
    await until('ready again', () => client.connected);
    assert.deepEqual(asked(), [...before, 0], 'the robot is not locked out again');
    assert.deepEqual(told(), ['queueless'], 'said once');
  });
}

test('a queue is asked for again after ten minutes, and given up at the first refusal', () => {
  let nowMs = 0;
  const rescue = new SessionRescue(() => nowMs);
  for (let n = 0; n < 3; n++) rescue.closedAtSubscription(false);
  assert.equal(rescue.begin(), 'queueless');
  assert.equal(rescue.subscribed(), 'queueless');
  nowMs = 599_999;
  assert.equal(rescue.begin(), 'queueless');
  nowMs = 600_000;
  assert.equal(rescue.begin(), 'usual');
  rescue.closedAtSubscription(false);
  assert.equal(rescue.begin(), 'queueless');
  assert.equal(rescue.subscribed(), null, 'no news');
  nowMs = 1_200_000;
  assert.equal(rescue.begin(), 'usual');
  assert.equal(rescue.subscribed(), null);
  rescue.closedAtSubscription(false);
  assert.equal(rescue.begin(), 'usual', 'counted anew');
});

test('where nothing helps, the settings are tried again', () => {
  const rescue = new SessionRescue(() => 0);
  const starts = Array.from({ length: 9 }, () => {
    const start = rescue.begin();
    rescue.closedAtSubscription(true);
    return start;
  });
  const round = ['usual', 'usual', 'usual', 'fresh', 'queueless'];
  assert.deepEqual(starts, [...round, ...round].slice(0, 9));
});
