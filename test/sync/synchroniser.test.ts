import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { hasCode } from '../errors.js';
import { HANG_MS } from '../liveness.js';
import { jpeg } from '../samples/pictures.js';
import { newSample } from '../samples/support.js';
import { cutOff, failing, S3Server } from './s3-server.js';
import {
  admit,
  labelIn,
  openSyncRobot,
  passOf,
  pictureKey,
  s3Settings,
  sidecarKey,
  synchroniserOf,
} from './support.js';

test('sends labelled samples once, with all that an import needs', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store));
  const sample = await admit(robot, 1);
  await admit(robot, 2, null);
  const synchroniser = synchroniserOf(robot);
  const report = await passOf(synchroniser);
  assert.equal(report.pictures, 1);
  assert.deepEqual(report.left, { sent: 1, due: 0, dueBytes: 0 });
  const [picture, sidecar, ...more] = store.puts;
  assert.deepEqual([picture?.key, sidecar?.key], [pictureKey(sample), sidecarKey(sample)]);
  assert.deepEqual(more, []);
  assert.deepEqual(picture?.body, Buffer.from(robot.state.task().samples.picture(sample.id)!));
  assert.deepEqual(JSON.parse(String(sidecar?.body)), {
    schema: 1,
    file: `${sample.id}.jpg`,
    sha256: sample.pictureSha256,
    id: sample.id,
    label: 'weed',
    label_source: 'cli',
    labelled_at_ms: sample.labelledAtMs,
    group: 'g1',
    holdout: sample.holdout,
    source: 'front',
    captured_at_ms: 1_700_000_000_001,
    origin: null,
    multiplicity: 1,
    label_revision: 1,
    robot: 'r1',
  });
  assert.equal(report.bytes, picture.body.length + sidecar!.body.length);

  await passOf(synchroniser);
  await passOf(synchroniserOf(robot));
  assert.equal(store.requests.length, 2, 'nothing is sent again');
});

test('positions are in the metadata unless the setting keeps them on the robot', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store));
  const place = { latitude: 52.5, longitude: 9.25, accuracyMeters: 0.02, altitudeMeters: null };
  const { sample } = robot.state.task().samples.admit(
    newSample('', {
      jpeg: await jpeg(1),
      label: 'weed',
      position: { ...place, speedMetersPerSecond: null, courseDegrees: null },
    }),
  );
  const sidecar = () => String(store.objects().get(sidecarKey(sample)));
  await passOf(synchroniserOf(robot));
  assert.match(sidecar(), /"latitude":52.5,"longitude":9.25/);
  // What a target has been told is taken back.
  const config = { ...robot.config, sync: { ...robot.config.sync, positions: false } };
  const report = await passOf(synchroniserOf({ ...robot, config }));
  assert.deepEqual([report.pictures, report.updates], [0, 1]);
  assert.doesNotMatch(sidecar(), /position|latitude|52\.5/);
  assert.equal((await passOf(synchroniserOf({ ...robot, config }))).updates, 0);
});

test('a changed label sends the metadata again, and a picture only once', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store));
  const sample = await admit(robot, 1);
  const synchroniser = synchroniserOf(robot);
  await passOf(synchroniser);
  robot.state.task().samples.label(sample.id, 'crop', 'console');
  const report = await passOf(synchroniser);
  assert.deepEqual([report.pictures, report.updates], [0, 1]);
  robot.state.task().samples.label(sample.id, 'stone', 'console');
  await passOf(synchroniserOf(robot));
  assert.equal(labelIn(store.objects().get(sidecarKey(sample))), 'stone');
  assert.deepEqual(
    store.puts.map(({ key }) => key),
    [pictureKey(sample), sidecarKey(sample), sidecarKey(sample), sidecarKey(sample)],
  );
});

test('a group that moves to the holdout sends its metadata again', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store));
  const sample = await admit(robot, 1);
  await passOf(synchroniserOf(robot));
  robot.state.task().samples.regroup(sample.id, 'apart', true);
  await passOf(synchroniserOf(robot));
  const { group, holdout, kept } = JSON.parse(String(store.objects().get(sidecarKey(sample))));
  assert.deepEqual({ group, holdout, kept }, { group: 'apart', holdout: true, kept: true });
});

test('`send` and `cameras` choose; what was sent once stays up to date', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store, { send: 'waiting', cameras: ['front'] }));
  await admit(robot, 1, 'weed', 'front');
  await admit(robot, 2, null, 'rear');
  await admit(robot, 3, null, 'front2');
  const whole = await admit(robot, 4, null, 'front');
  const region = await admit(robot, 5, null, 'front/left');
  const synchroniser = synchroniserOf(robot);
  assert.equal((await synchroniser.survey(new AbortController().signal)).due, 2);
  await passOf(synchroniser);
  assert.deepEqual(
    [...store.objects().keys()],
    [whole, region].flatMap((s) => [pictureKey(s), sidecarKey(s)]),
  );
  robot.state.task().samples.label(whole.id, 'crop', 'cli');
  await passOf(synchroniser);
  assert.equal(labelIn(store.objects().get(sidecarKey(whole))), 'crop');
});

test('a sample that is removed or no longer chosen before its turn is not sent', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store, { send: 'waiting' }));
  const removed = await admit(robot, 1, null);
  const labelled = await admit(robot, 2, null);
  const synchroniser = synchroniserOf(robot);
  const survey = await synchroniser.survey(new AbortController().signal);
  assert.equal(survey.due, 2);
  robot.state.task().samples.remove([removed.id], 'cli');
  robot.state.task().samples.label(labelled.id, 'weed', 'cli');
  const { left } = await passOf(synchroniser);
  assert.deepEqual(left, { sent: 0, due: 0, dueBytes: 0 });
  assert.deepEqual(store.requests, []);
});

test('what changes during a pass counts at its turn', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store, { send: 'waiting' }));
  const first = await admit(robot, 1, null);
  const removed = await admit(robot, 2, null);
  const labelled = await admit(robot, 3, null);
  const last = await admit(robot, 4, null);
  store.fault = () => {
    if (store.requests.length > 1) return null;
    robot.state.task().samples.remove([removed.id], 'cli');
    robot.state.task().samples.label(labelled.id, 'weed', 'console');
    robot.state.task().samples.label(first.id, 'crop', 'console');
    return null;
  };
  const synchroniser = synchroniserOf(robot);
  const report = await passOf(synchroniser);
  assert.equal(report.pictures, 2);
  assert.deepEqual(
    [...store.objects().keys()],
    [first, last].flatMap((s) => [pictureKey(s), sidecarKey(s)]),
  );
  assert.equal(labelIn(store.objects().get(sidecarKey(first))), null);
  await passOf(synchroniser);
  assert.equal(labelIn(store.objects().get(sidecarKey(first))), 'crop');
});

test('a removed sample stays in the target, and leaves no row here', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store));
  const sample = await admit(robot, 1);
  await passOf(synchroniserOf(robot));
  robot.state.task().samples.remove([sample.id], 'cli');
  const { left } = await passOf(synchroniserOf(robot));
  assert.equal(left.sent, 0);
  assert.equal(store.requests.length, 2);
});

test('samples and labels of another process are found', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store));
  const first = await admit(robot, 1, null);
  const synchroniser = synchroniserOf(robot);
  await passOf(synchroniser);
  const second = await admit(robot, 2);
  robot.state.task().samples.label(first.id, 'crop', 'cli');
  const { pictures } = await passOf(synchroniser);
  assert.equal(pictures, 2);
  assert.deepEqual(
    [first, second].map((sample) => labelIn(store.objects().get(sidecarKey(sample)))),
    ['crop', 'weed'],
  );
});

test('an error ends the pass; what was acknowledged before is not sent again', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store));
  for (let number = 0; number < 4; number++) await admit(robot, number);
  store.fault = () => (store.puts.length >= 5 ? failing(403, 'AccessDenied', 'no') : null);
  const synchroniser = synchroniserOf(robot);
  await assert.rejects(passOf(synchroniser), hasCode('HL_SYNC_DENIED'));
  const { signal } = new AbortController();
  const status = await synchroniser.survey(signal);
  assert.deepEqual([status.sent, status.due, status.error?.code], [2, 2, 'HL_SYNC_DENIED']);
  store.fault = () => null;
  await passOf(synchroniserOf(robot));
  assert.equal((await synchroniser.survey(signal)).error, null);
  const times = new Map<string, number>();
  for (const { key } of store.puts) times.set(key, (times.get(key) ?? 0) + 1);
  // The picture whose metadata was refused is the only one in doubt.
  assert.deepEqual([...times.values()].sort(), [1, 1, 1, 1, 1, 1, 1, 2]);
});

test('a sample that the store refuses keeps no other from being sent', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store));
  const bad = await admit(robot, 1);
  const good = await admit(robot, 2);
  store.fault = (key) => (key === pictureKey(bad) ? failing(400, 'EntityTooLarge', 'big') : null);
  const synchroniser = synchroniserOf(robot);
  for (const round of [1, 2]) {
    const { refused, left } = await passOf(synchroniser);
    assert.deepEqual(
      refused.map(({ sampleId, error }) => [sampleId, error.code]),
      [[bad.id, 'HL_SYNC_REFUSED']],
      `round ${round}`,
    );
    assert.deepEqual([left.sent, left.due], [1, 1]);
  }
  assert.equal(store.requests.length, 3, 'not tried again by the same process');
  assert.ok(store.objects().has(sidecarKey(good)));
  store.fault = () => null;
  const { refused, left } = await passOf(synchroniserOf(robot));
  assert.deepEqual([refused, left.due], [[], 0]);
});

test('another target gets everything; the first one is remembered', async (t) => {
  const first = await S3Server.start(t);
  const second = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(first));
  await admit(robot, 1);
  await passOf(synchroniserOf(robot));
  const moved = { ...robot, config: structuredClone(robot.config) };
  moved.config.sync.s3.endpoint = second.endpoint;
  await passOf(synchroniserOf(moved));
  assert.equal(second.puts.length, 2);
  await passOf(synchroniserOf(robot));
  assert.equal(first.puts.length, 2);
  const { signal } = new AbortController();
  await synchroniserOf(robot).run({ signal, again: true });
  assert.equal(first.puts.length, 4);
});

test('the daily limit ends a pass, also after a restart, and counts failures', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store, { maxBytesPerDay: 100_000 }));
  for (let number = 0; number < 60; number++) await admit(robot, number);
  const size = robot.state.task().samples.counts().pictureBytes;
  assert.ok(size > 150_000, `${size} bytes are more than the limit`);
  const report = await passOf(synchroniserOf(robot));
  assert.equal(report.limited, true);
  assert.ok(report.bytes <= 100_000 && report.left.due > 0);
  const requests = store.requests.length;
  const again = await passOf(synchroniserOf(robot));
  assert.equal(again.limited, true);
  assert.equal(store.requests.length, requests);
});

test('what fails uses up the daily limit, too', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store, { maxBytesPerDay: 100_000 }));
  const { pictureBytes } = await admit(robot, 1);
  store.fault = () => failing(403, 'AccessDenied', 'no');
  const synchroniser = synchroniserOf(robot);
  await assert.rejects(passOf(synchroniser), isHeadlandError);
  const { allowanceBytes } = await synchroniserOf(robot).survey(new AbortController().signal);
  assert.ok(allowanceBytes !== null && allowanceBytes < 100_000 - pictureBytes);
});

test('an interruption ends the pass', { timeout: HANG_MS }, async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store));
  await admit(robot, 1);
  await admit(robot, 2);
  const abort = new AbortController();
  store.fault = () => {
    if (store.puts.length === 2) abort.abort();
    return store.puts.length === 2 ? cutOff : null;
  };
  const synchroniser = synchroniserOf(robot);
  const passing = synchroniser.run({ signal: abort.signal });
  await assert.rejects(passing, hasCode('HL_SYNC_CANCELLED'));
  const status = await synchroniser.survey(new AbortController().signal);
  assert.deepEqual([status.sent, status.due, status.error], [1, 1, null]);
});

test('no keys: nothing is sent, and the error says where they belong', async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store));
  await admit(robot, 1);
  await assert.rejects(
    passOf(synchroniserOf(robot, { AWS_ACCESS_KEY_ID: undefined })),
    hasCode('HL_SYNC_NO_KEYS'),
  );
  assert.deepEqual(store.requests, []);
});
