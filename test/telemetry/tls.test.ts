import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NO_ALARMS } from '../../src/base/alarms.js';
import { silentLog } from '../../src/base/log.js';
import { TelemetryClient } from '../../src/telemetry/telemetry-client.js';
import { TEST_HANG_MS } from '../liveness.js';
import { freePort, Mosquitto, withoutMosquitto } from './mosquitto.js';
import { mqttSettings, Observer, openOutbox, temporaryDir, until } from './tools.js';

const withoutOpenssl =
  spawnSync('openssl', ['version']).status === 0
    ? false
    : 'openssl is missing: apt-get install openssl';

/** A certificate authority, a server for 127.0.0.1 and a client, as files in `dir`. */
function certificates(dir: string): void {
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: dir });
    assert.equal(status, 0, String(stderr));
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  writeFileSync(join(dir, 'san'), 'subjectAltName=IP:127.0.0.1\n');
  for (const ca of ['ca', 'other']) {
    openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      `${ca}.key`,
      '-out',
      `${ca}.crt`,
      '-subj',
      `/CN=${ca}`,
    );
  }
  for (const name of ['server', 'r1']) {
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'san'];
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...signed);
  }
}

test('TLS: client certificate and own authority; an unknown authority is refused', {
  skip: withoutMosquitto || withoutOpenssl,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const dir = temporaryDir(t);
  certificates(dir);
  // mosquitto started as root reads its files as another user.
  spawnSync('chmod', ['-R', 'a+rX', dir]);
  const tlsPort = await freePort();
  const broker = await Mosquitto.start(t, [
    `listener ${tlsPort} 127.0.0.1`,
    `cafile ${join(dir, 'ca.crt')}`,
    `certfile ${join(dir, 'server.crt')}`,
    `keyfile ${join(dir, 'server.key')}`,
    'require_certificate true',
  ]);
  const observer = await Observer.connect(t, broker.url);
  const file = (name: string) => readFileSync(join(dir, name));
  const connectWith = (ca: Buffer, boot: string) => {
    const store = openOutbox(join(dir, `${boot}.db`));
    const client = new TelemetryClient({
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
