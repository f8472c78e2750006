import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { SyncService } from '../../src/agent/sync-service.js';
import { type Alarm, Alarms } from '../../src/base/alarms.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Recorder, recordedLog } from '../recorder.js';
import { failing, S3Server, silent } from '../sync/s3-server.js';
import {
  AWS_ENVIRONMENT,
  admit,
  openSyncRobot,
  pictureKey,
  type SyncRobot,
  s3Settings,
} from '../sync/support.js';
import { Person, Rig } from './daemon.js';

const OPTIONS = { timeout: TEST_HANG_MS };
const QUICK = { intervalMs: 1_000, backoffInitialMs: 100, backoffMaxMs: 1_000 };

function serviceOf(t: TestContext, { config, state }: SyncRobot) {
  const raised = new Recorder<Alarm>();
  const cleared = new Recorder<Alarm>();
  const alarms = new Alarms({ onRaised: raised.add, onCleared: cleared.add });
  const { log, lines } = recordedLog();
  const parts = { environment: AWS_ENVIRONMENT, alarms, log };
  const service = new SyncService(config, state, parts);
  t.after(() => service.stop());
  return { service, raised, cleared, lines };
}

test('sends by itself, again and again', OPTIONS, async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store, QUICK));
  await admit(robot, 1);
  const { service, lines } = serviceOf(t, robot);
  service.start();
  const first = await lines.until(({ msg }) => msg === 'samples sent');
  assert.deepEqual([first.pictures, first.left], [1, 0]);
  const second = await admit(robot, 2);
  await lines.next(({ msg }) => msg === 'samples sent');
  assert.ok(store.objects().has(pictureKey(second)));
});

test('a failure is an alarm until it is over', OPTIONS, async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store, QUICK));
  await admit(robot, 1);
  store.fault = () => failing(404, 'NoSuchBucket', 'none');
  const { service, raised, cleared } = serviceOf(t, robot);
  service.start();
  const { name, severity, error } = await raised.until(() => true);
  assert.deepEqual([name, severity, error.code], ['sync', 'warning', 'HL_SYNC_TARGET_MISSING']);
  store.fault = () => null;
  await cleared.until(() => true);
  assert.equal(store.puts.length, 2);
});

test('a sample that the store refuses is an alarm', OPTIONS, async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store, QUICK));
  await admit(robot, 1);
  store.fault = () => failing(400, 'EntityTooLarge', 'too large');
  const { service, raised } = serviceOf(t, robot);
  service.start();
  const { error } = await raised.until(() => true);
  assert.equal(error.code, 'HL_SYNC_REFUSED');
});

test('stopping ends a request that hangs', OPTIONS, async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store, { timeoutMs: 3_600_000 }));
  await admit(robot, 1);
  const { service, raised } = serviceOf(t, robot);
  const asked = new Promise<void>((resolve) => {
    store.fault = () => {
      resolve();
      return silent;
    };
  });
  service.start();
  await asked;
  await service.stop();
  assert.deepEqual(raised.all, []);
});

test(
  'a daemon sends frames that wait for a label; without the store it classifies on',
  OPTIONS,
  async (t) => {
    const store = await S3Server.start(t);
    store.fault = () => failing(503, 'SlowDown', 'slow');
    const sync = s3Settings(store, { ...QUICK, send: 'waiting' });
    const rig = await Rig.create(t, { sync });
    const daemon = await rig.start({ env: AWS_ENVIRONMENT });
    const person = await Person.connect(t, daemon.mqttUrl);
    const raised = await daemon.logged((line) => line.alarm === 'sync');
    assert.equal(raised.code, 'HL_SYNC_SERVER');
    person.forget();
    await person.until(({ topic }) => topic.endsWith('/prediction'));
    store.fault = () => null;
    await daemon.logged((line) => line.msg === 'samples sent');
    await person.until(({ topic }) => topic.endsWith('/prediction'));
    assert.equal((await daemon.stop()).code, 0);
    const log = JSON.stringify(daemon.lines);
    assert.equal(log.includes(AWS_ENVIRONMENT.AWS_SECRET_ACCESS_KEY), false);
    assert.equal(log.includes(AWS_ENVIRONMENT.AWS_ACCESS_KEY_ID), false);
  },
);
