import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NO_ALARMS } from '../../src/base/alarms.js';
import { silentLog } from '../../src/base/log.js';
import { TelemetryClient } from '../../src/telemetry/telemetry-client.js';
import { TEST_HANG_MS } from '../liveness.js';
import { freePort } from '../ports.js';
import { temporaryFolder } from '../temporary-folder.js';
import { tlsListener, withoutOpenssl, writeCertificates } from './certificates.js';
import { Mosquitto, withoutMosquitto } from './mosquitto.js';
import { mqttSettings, Observer, openOutbox, until } from './tools.js';

test('TLS: client certificate and own authority; an unknown authority is refused', {
  skip: withoutMosquitto || withoutOpenssl,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const dir = temporaryFolder(t);
  writeCertificates(dir);
  const tlsPort = await freePort();
  const broker = await Mosquitto.start(t, tlsListener(tlsPort, dir));
  const observer = await Observer.connect(t, broker.url);
  const file = (name: string) => readFileSync(join(dir, name));
  const connectWith = (ca: Buffer, boot: string) => {
    const store = openOutbox(join(dir, `${boot}.db`));
    const client = new TelemetryClient({
      namedTasks: false,
      robotId: 'r1',
      boot,
      settings: mqttSettings(),
      access: () => ({
        url: `mqtts://127.0.0.1:${tlsPort}`,
        credentials: { ca, cert: file('r1.crt'), key: file('r1.key') },
      }),
      outbox: store.outbox,
      alarms: NO_ALARMS,
      log: silentLog(),
    });
    t.after(async () => {
      await client.stop();
      store.close();
    });
    client.start();
    return client;
  };
  const wrong = connectWith(file('other.crt'), 'wrong');
  await until('refusals', () => wrong.stats().sessions >= 3);
  assert.equal(wrong.connected, false);
  assert.equal(wrong.stats().lastEnd?.kind, 'unreachable');
  assert.match(wrong.stats().lastEnd!.message, /certificate/);
  await wrong.stop();
  const right = connectWith(file('ca.crt'), 'right');
  const { json } = await observer.next('headland/r1/status');
  assert.equal(json.boot, 'right');
  assert.equal(right.stats().protocolVersion, 5);
});
