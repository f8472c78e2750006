import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { brokerCredentials } from '../../src/agent/reporting/broker-access.js';
import { CredentialsWatch } from '../../src/agent/reporting/credentials-watch.js';
import { Alarms } from '../../src/base/alarms.js';
import { silentLog } from '../../src/base/log.js';
import type { Config } from '../../src/config/schema.js';
import { BrokerRota } from '../../src/telemetry/connection/broker-rota.js';
import type { BrokerAccess } from '../../src/telemetry/connection/connection.js';
import { TelemetryClient } from '../../src/telemetry/telemetry-client.js';
import { TEST_HANG_MS } from '../liveness.js';
import { freePort } from '../ports.js';
import { temporaryFolder } from '../temporary-folder.js';
import { tlsListener, withoutOpenssl, writeCertificates } from './certificates.js';
import { Mosquitto, withoutMosquitto } from './mosquitto.js';
import { event, mqttSettings, Observer, openOutbox, until } from './tools.js';

function robotAt(
  t: TestContext,
  access: () => BrokerAccess,
  settings: Partial<Config['mqtt']> = {},
) {
  const store = openOutbox(join(temporaryFolder(t), 'outbox.db'));
  const alarms = new Alarms({ onRaised: () => {}, onCleared: () => {} });
  const client = new TelemetryClient({
    namedTasks: false,
    robotId: 'r1',
    boot: 'boot-1',
    settings: mqttSettings(settings),
    access,
    outbox: store.outbox,
    alarms,
    log: silentLog(),
  });
  t.after(async () => {
    await client.stop();
    store.close();
  });
  return { client, alarms };
}

const indices = (observer: Observer) =>
  observer.on('headland/r1/event').map(({ json }) => json.details.index);

describe('several brokers', { skip: withoutMosquitto, timeout: TEST_HANG_MS }, () => {
  test('the next one takes over when one dies, and the first comes back; no event is lost', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const [first, second] = [await Mosquitto.start(t), await Mosquitto.start(t)];
    const atFirst = await Observer.connect(t, first.url);
    const atSecond = await Observer.connect(t, second.url);
    const access = () => ({ url: first.url, otherUrls: [second.url], credentials: {} });
    const { client } = robotAt(t, access);
    client.start();
    client.event(event(0));
    await atFirst.next('headland/r1/event');
    assert.equal(client.broker.url, first.url);

    await first.kill();
    for (let index = 1; index <= 20; index++) client.event(event(index));
    await atSecond.next('headland/r1/event', ({ json }) => json.details.index === 20);
    assert.equal(client.broker.url, second.url);
    const { json } = await atSecond.next('headland/r1/status');
    assert.equal(json.state, 'online');

    await first.up();
    const again = await Observer.connect(t, first.url);
    await second.kill();
    client.event(event(21));
    await again.next('headland/r1/event', (message) => message.json.details.index === 21);
    assert.equal(client.broker.url, first.url);
    const seen = new Set([...indices(atFirst), ...indices(atSecond), ...indices(again)]);
    assert.equal(seen.size, 22);
  });

  test('one that refuses the robot is passed over, and does not leave an alarm', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const closed = await Mosquitto.start(t, ['allow_anonymous false']);
    const open = await Mosquitto.start(t);
    const access = () => ({ url: closed.url, otherUrls: [open.url], credentials: {} });
    const { client, alarms } = robotAt(t, access);
    client.start();
    await until('connected', () => client.connected);
    assert.equal(client.broker.url, open.url);
    assert.deepEqual(alarms.list(), []);
  });

  test('spread: robots begin with different brokers, each always with the same', () => {
    const access = { url: 'mqtt://a', otherUrls: ['mqtt://b', 'mqtt://c'], credentials: {} };
    const first = (clientId: string, spread: boolean) =>
      new BrokerRota({ protocol: 'auto', spread, clientId }).next(access).url;
    const ids = Array.from({ length: 300 }, (_, index) => `headland-field-${index}`);
    for (const url of [access.url, ...access.otherUrls]) {
      const count = ids.filter((id) => first(id, true) === url).length;
      assert.ok(count > 60 && count < 140, `${count} begin with ${url}`);
    }
    assert.ok(ids.every((id) => first(id, false) === access.url));
  });
});

describe('ways to a broker', {
  skip: withoutMosquitto || withoutOpenssl,
  timeout: TEST_HANG_MS,
}, () => {
  test('a new certificate and key are used without a restart; half of them are not', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const dir = temporaryFolder(t);
    writeCertificates(dir);
    const port = await freePort();
    const broker = await Mosquitto.start(t, [
      'log_type notice',
      ...tlsListener(port, dir),
      'use_identity_as_username true',
    ]);
    // As systemd gives it: a file in the folder of the credentials.
    const key = join(dir, 'mqtt-key');
    const give = (name: string) => {
      copyFileSync(join(dir, `${name}.key`), key);
      chmodSync(key, 0o600);
    };
    const certFile = join(dir, 'robot.crt');
    copyFileSync(join(dir, 'r1.crt'), certFile);
    give('r1');
    const settings = {
      url: `mqtts://127.0.0.1:${port}`,
      caFile: join(dir, 'ca.crt'),
      certFile,
      key: { credential: 'mqtt-key' },
    };
    const read = () => brokerCredentials(mqttSettings(settings), { CREDENTIALS_DIRECTORY: dir });
    const observer = await Observer.connect(t, broker.url);
    const { client, alarms } = robotAt(t, () => ({ url: settings.url, credentials: read() }));
    client.start();
    await until('connected', () => client.connected && broker.log.includes("u'r1'"));

    const watch = new CredentialsWatch(read);
    assert.deepEqual([watch.check(), watch.check()], [null, null]);
    copyFileSync(join(dir, 'server.crt'), certFile);
    assert.equal(watch.check(), null, 'somebody may still be writing');
    assert.match(JSON.stringify(watch.check()), /HL_MQTT_TLS_FILE/);
    assert.equal(watch.check(), null, 'said once');
    assert.equal(client.connected, true);
    give('server');
    assert.deepEqual([watch.check(), watch.check()], [null, 'changed']);

    await client.renew();
    await until('connected as another', () => broker.log.includes("u'server'"));
    await until('ready', () => client.connected);
    client.event(event(1));
    await observer.next('headland/r1/event');
    const states = observer.on('headland/r1/status').map(({ json }) => json.state);
    assert.deepEqual([...new Set(states)], ['online'], 'no last will');
    assert.deepEqual(alarms.list(), []);
  });

  test('a password that changes is noticed', (t) => {
    const file = join(temporaryFolder(t), 'password');
    writeFileSync(file, 'one', { mode: 0o600 });
    const mqtt = mqttSettings({ url: 'mqtt://127.0.0.1:1', password: { file } });
    const watch = new CredentialsWatch(() => brokerCredentials(mqtt, {}));
    writeFileSync(file, 'two');
    assert.deepEqual([watch.check(), watch.check(), watch.check()], [null, 'changed', null]);
  });
});
