import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import type { HubOverview } from '../../src/fleet/contract/hub-api.js';
import { addPerson } from '../../src/fleet/hub/people.js';
import { HubStore } from '../../src/fleet/hub/store/hub-store.js';
import { listen } from '../ports.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';
import { HubChild } from './hub-child.js';
import { until } from './hub-fixture.js';
import { placeData } from './places.js';
import { RobotStandIn } from './stand-in.js';

const SIZE = 8;

/** Name in the certificate of a server. */
function nameAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

function getJson<T>(port: number, path: string, token: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const options = { port, host: '127.0.0.1', path, headers, rejectUnauthorized: false };
    const asked = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(JSON.parse(text) as T));
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('SIGHUP: changed settings and certificates run; wrong ones change nothing', {
  skip: withoutMosquitto,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  const folder = temporaryFolder(t);
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const certify = (name: string): void => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const files = ['-keyout', keyFile, '-out', certFile];
    const args = ['req', '-x509', ...key, '-subj', `/CN=${name}`, '-days', '1', ...files];
    execFileSync('openssl', args, { stdio: 'ignore' });
  };
  certify('one');
  const http = { port: 0, certFile, key: { file: keyFile } };
  const settings = {
    fleet: 'valley',
    store: `sqlite:${join(folder, 'hub.sqlite')}`,
    mqtt: { url: broker.url },
    http,
    learning: { basisDirections: 'all', roundIntervalMs: 1_000, settleMs: 200 },
    rollout: { stageMs: 0 },
    tickMs: 50,
    log: { format: 'json' },
  };
  const child = new HubChild(settings);
  t.after(() => child.stop());
  await child.up();
  const store = await HubStore.open({ sqlite: join(folder, 'hub.sqlite') });
  const { token } = await store.transaction((tables) =>
    addPerson(tables, 'Vera', 'view', 'test', 1),
  );
  await store.close();
  const port = () => Number(new URL(child.url).port);
  const overview = () => getJson<HubOverview>(port(), '/api/overview', token);
  /** Null while it starts. */
  const look = async (): Promise<{ name: string; fleet: string; codes: string[] } | null> => {
    try {
      const { fleet, alarms } = await overview();
      return { name: await nameAt(port()), fleet, codes: alarms.map(({ code }) => code) };
    } catch {
      return null;
    }
  };
  const robot = new RobotStandIn({
    robot: 'a',
    url: broker.url,
    task: 'weeds',
    backbone: 'b1',
    featureSize: SIZE,
    data: placeData('a', ['maize', 'dock'], 20, SIZE),
  });
  t.after(() => robot.stop());
  await robot.start();
  await until('it serves', () => robot.servingVersion === 1);
  assert.deepEqual(await look(), { name: 'one', fleet: 'valley', codes: [] });

  certify('two');
  child.reload({ ...settings, fleet: 'hill' });
  robot.learn(placeData('more', ['maize', 'dock'], 20, SIZE));
  await until('both are changed', async () => {
    const now = await look();
    return now?.name === 'two' && now.fleet === 'hill';
  });
  await until('what was sent meanwhile is merged', async () => {
    return (await overview()).tasks[0]?.samples === 80;
  });
  assert.deepEqual((await look())?.codes, []);

  child.reload({ ...settings, learning: { roundIntervalMs: 'soon' } });
  const isRefused = (code: string) => async () => (await look())?.codes.includes(code) === true;
  await until('wrong settings are told', isRefused('HL_CONFIG_INVALID'));
  assert.equal((await look())?.fleet, 'hill');

  const other = createServer();
  t.after(() => other.close());
  const taken = await listen(other);
  child.reload({ ...settings, http: { ...http, port: taken } });
  await until('a port that is taken is told', isRefused('HL_FLEET_LISTEN_FAILED'));
  assert.equal((await look())?.fleet, 'hill');

  child.reload(settings);
  await until('the alarm is gone', async () => {
    const now = await look();
    return now?.fleet === 'valley' && now.codes.length === 0;
  });
  assert.equal(await child.kill('SIGTERM'), 0);
});
