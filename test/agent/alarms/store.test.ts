import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { TEST_HANG_MS } from '../../liveness.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { type Daemon, Person, Rig } from '../daemon.js';

interface Robot {
  rig: Rig;
  person: Person;
}

async function robot(t: TestContext): Promise<Robot> {
  const broker = await Mosquitto.start(t);
  const rig = await Rig.create(t, {
    mqtt: { url: broker.url, backoffInitialMs: 100, backoffMaxMs: 1_000 },
    samples: { askIntervalMs: 200, askBelowProbability: 1, minFreeBytes: 0 },
  });
  return { rig, person: await Person.listen(t, broker.url) };
}

/** The robot classifies, says what is the matter, once, and refuses labels by name. */
async function showsTrouble({ person }: Robot, daemon: Daemon, code: string): Promise<void> {
  await person.until(({ topic }) => topic.endsWith('/prediction'));
  const raised = await person.until(
    ({ topic, body }) =>
      topic.endsWith('/event') && body.kind === 'alarm_raised' && body.details.alarm === 'store',
  );
  assert.equal(raised.body.code, code);
  assert.equal(raised.body.severity, 'critical');
  const { data } = await person.command('status');
  assert.deepEqual(
    data.alarms.map((alarm: { alarm: string; code: string }) => [alarm.alarm, alarm.code]),
    [['store', code]],
  );
  const refused = await person.command('snapshot');
  assert.equal(refused.ok, false);
  assert.equal(refused.error.code, code);
  assert.equal(daemon.lines.filter((line) => line.alarm === 'store').length, 1, daemon.tail());
}

/** It has recovered by itself: labels are taken and questions asked, by the same process. */
async function recovers({ rig, person }: Robot, daemon: Daemon): Promise<void> {
  await person.until(
    ({ topic, body }) =>
      topic.endsWith('/event') && body.kind === 'alarm_cleared' && body.details.alarm === 'store',
  );
  assert.deepEqual((await person.command('status')).data.alarms, []);
  await person.labelFrames(rig, 3);
  const seen = person.received.length;
  await person.until(
    (message) =>
      person.received.indexOf(message) >= seen && message.body.kind === 'label_requested',
  );
  assert.ok(daemon.alive);
}

/** Takes all the room there is. */
function fill(rig: Rig): string {
  const ballast = join(rig.stateDir, 'ballast');
  const { bavail, bsize } = statfsSync(rig.stateDir);
  try {
    writeFileSync(ballast, Buffer.alloc(bavail * bsize));
  } catch (error) {
    // The daemon took some of the room first: what could be written fills the rest.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  return ballast;
}

function remount(rig: Rig, how: 'ro' | 'rw'): void {
  const { status, stderr } = spawnSync('mount', ['-o', `remount,${how}`, rig.stateDir]);
  assert.equal(status, 0, String(stderr));
}

const needsMount = 'needs the right to mount a tmpfs';

describe('a robot without its disk classifies, says so, and recovers by itself', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, () => {
  test('read-only from the start, with what it learnt before', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const found = await robot(t);
    const { rig, person } = found;
    if (!rig.mountState('64m')) return t.skip(needsMount);
    const before = await rig.start();
    await person.until(({ topic }) => topic.endsWith('/prediction'));
    await person.labelFrames(rig, 12);
    await person.until(({ topic, body }) => topic.endsWith('/prediction') && body.head_labels > 0);
    assert.equal((await before.stop()).code, 0);
    person.forget();

    remount(rig, 'ro');
    const daemon = await rig.start();
    await showsTrouble(found, daemon, 'HL_STORE_READ_ONLY');
    const { data } = await person.command('status');
    assert.equal(data.samples.labelled, 12, 'what is stored can be read');
    await person.until(({ topic, body }) => topic.endsWith('/prediction') && body.head_labels > 0);
    assert.equal((await person.command('retrain')).error.code, 'HL_STORE_READ_ONLY');
    remount(rig, 'rw');
    await recovers(found, daemon);
    const after = await person.command('status');
    assert.ok(after.data.samples.labelled >= 12, 'nothing is lost');
    assert.equal((await daemon.stop()).code, 0);
  });

  test('full from some moment on', { timeout: TEST_HANG_MS }, async (t) => {
    const found = await robot(t);
    const { rig, person } = found;
    if (!rig.mountState('8m')) return t.skip(needsMount);
    const daemon = await rig.start();
    await person.until(({ topic }) => topic.endsWith('/prediction'));
    await person.labelFrames(rig, 3);
    const ballast = fill(rig);
    await showsTrouble(found, daemon, 'HL_STORE_FULL');
    rmSync(ballast);
    await recovers(found, daemon);
    const { data } = await person.command('status');
    assert.ok(data.samples.labelled >= 3, 'nothing is lost');
    assert.equal((await daemon.stop()).code, 0);
  });

  test('full from the start', { timeout: TEST_HANG_MS }, async (t) => {
    const found = await robot(t);
    const { rig } = found;
    if (!rig.mountState('16m')) return t.skip(needsMount);
    const ballast = fill(rig);
    const daemon = await rig.start();
    await showsTrouble(found, daemon, 'HL_STORE_FULL');
    rmSync(ballast);
    await recovers(found, daemon);
    assert.equal((await daemon.stop()).code, 0);
  });

  test('a folder that cannot be made', { timeout: TEST_HANG_MS }, async (t) => {
    const found = await robot(t);
    const { rig } = found;
    writeFileSync(rig.stateDir, 'this is a file');
    const daemon = await rig.start();
    await showsTrouble(found, daemon, 'HL_STORE_UNAVAILABLE');
    rmSync(rig.stateDir);
    await recovers(found, daemon);
    assert.equal((await daemon.stop()).code, 0);
  });

  test('a damaged file, which is set aside as it was, and tells what is missing', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const found = await robot(t);
    const { rig, person } = found;
    mkdirSync(rig.stateDir);
    const file = join(rig.stateDir, 'headland.db');
    const damaged = Buffer.alloc(8_192, 'damaged ');
    writeFileSync(file, damaged);
    const daemon = await rig.start();
    const alarm = (kind: string, name: string) =>
      person.until(
        ({ topic, body }) =>
          topic.endsWith('/event') && body.kind === kind && body.details.alarm === name,
      );
    assert.equal((await alarm('alarm_raised', 'store')).body.code, 'HL_STORE_CORRUPT');
    await alarm('alarm_cleared', 'store');
    const repaired = await alarm('alarm_raised', 'store-repaired');
    assert.match(repaired.body.message, /nothing tells how many there were/);
    assert.ok(readFileSync(`${file}.damaged-1`).equals(damaged));
    await person.labelFrames(rig, 3);
    assert.ok(daemon.alive);
    assert.equal((await daemon.stop()).code, 0);
  });

  test('a disk that is taken out and put back', { timeout: TEST_HANG_MS }, async (t) => {
    const found = await robot(t);
    const { rig, person } = found;
    const daemon = await rig.start();
    await person.until(({ topic }) => topic.endsWith('/prediction'));
    await person.labelFrames(rig, 3);
    renameSync(rig.stateDir, `${rig.stateDir}.away`);
    await showsTrouble(found, daemon, 'HL_STORE_UNAVAILABLE');
    renameSync(`${rig.stateDir}.away`, rig.stateDir);
    await recovers(found, daemon);
    const { data } = await person.command('status');
    assert.ok(data.samples.labelled >= 3, 'it is the same file');
    assert.equal((await daemon.stop()).code, 0);
  });
});
