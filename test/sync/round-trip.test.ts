import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openSynchronisers } from '../../src/agent/sync-service.js';
import { importFolder } from '../../src/samples/folder/import-folder.js';
import { SIDECAR_ENDING } from '../../src/samples/folder/manifest.js';
import type { Sample } from '../../src/samples/sample.js';
import { hasCode } from '../errors.js';
import { jpeg, scene } from '../samples/pictures.js';
import { newSample, temporaryStore } from '../samples/support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { startRsyncDaemon, withoutRsync } from './rsync-daemon.js';
import { S3Server } from './s3-server.js';
import {
  openSyncRobot,
  PREFIX,
  passOf,
  ROBOT,
  type SyncRobot,
  s3Settings,
  synchroniserOf,
} from './support.js';

const limits = { maxBytes: 8_388_608, maxPixels: 25_000_000 };

/** Samples of every kind: PNG, imported, held out, kept out, relabelled, waiting. */
async function fill({ state }: SyncRobot): Promise<void> {
  const { samples } = state.task();
  const labels = ['weed', 'sugar beet', null, 'Ähre', 'weed', null, 'weed'];
  for (const [number, label] of labels.entries()) {
    const picture = number === 3 ? (await scene(number)).png().toBuffer() : jpeg(number);
    samples.admit(
      newSample('', {
        jpeg: await picture,
        label,
        labelSource: label === null ? null : 'mqtt',
        group: `main-${number >> 1}`,
        source: number % 2 ? 'front' : 'rear/left',
        capturedAtMs: 1_700_000_000_123 + number,
        origin: number === 0 ? 'video.mp4' : null,
        dhash: number.toString(16).padStart(16, '0'),
      }),
    );
  }
  const [first] = samples.list({ limit: 1 });
  samples.label(first!.id, 'stone', 'console');
  samples.regroup(samples.list({ order: 'newest', limit: 1 })[0]!.id, 'for the holdout', true);
}

/** Downloads a bucket as `aws s3 sync` does. */
function download(t: TestContext, store: S3Server): string {
  const folder = temporaryFolder(t);
  for (const [key, body] of store.objects()) {
    const file = join(folder, key.slice(PREFIX.length + 1));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, body);
  }
  return folder;
}

/** What must survive: all but the id and the hash, which is computed again. */
const essence = (samples: Sample[]) =>
  samples
    .map(({ id: _id, dhash: _dhash, ...rest }) => rest)
    .sort((a, b) => (a.pictureSha256 < b.pictureSha256 ? -1 : 1));

async function sent(t: TestContext): Promise<{ robot: SyncRobot; folder: string }> {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store, { send: 'all' }));
  await fill(robot);
  await passOf(synchroniserOf(robot));
  return { robot, folder: download(t, store) };
}

test('what an S3 store holds is imported without loss', async (t) => {
  const { robot, folder } = await sent(t);
  const before = robot.state.task().samples.list();
  assert.ok(before.some(({ holdout }) => holdout) && before.some(({ label }) => label === null));
  // The whole download, or the folder of one robot.
  for (const dir of [folder, join(folder, ROBOT)]) {
    const { store } = temporaryStore(t);
    const report = await importFolder(store, dir, { limits });
    assert.deepEqual([report.imported, report.quarantined, report.leftOut], [7, [], []]);
    assert.deepEqual(essence(store.list()), essence(before));
    const again = await importFolder(store, dir, { limits });
    assert.deepEqual([again.imported, again.duplicates], [0, 7]);
  }
});

test('what rsync stored is imported without loss', { skip: withoutRsync }, async (t) => {
  const daemon = await startRsyncDaemon(t);
  // The path of a local folder through ssh would do as well: the files are the same.
  const robot = openSyncRobot(t, {
    target: `rsync://robot@127.0.0.1:${daemon.port}/farm/`,
    send: 'all',
  });
  await fill(robot);
  await passOf(synchroniserOf(robot, { RSYNC_PASSWORD: daemon.password }));
  const { store } = temporaryStore(t);
  await importFolder(store, daemon.root, { limits });
  assert.deepEqual(essence(store.list()), essence(robot.state.task().samples.list()));
});

test('each named task has a folder of its own, with its labels alone', {
  skip: withoutRsync,
}, async (t) => {
  const daemon = await startRsyncDaemon(t);
  const robot = openSyncRobot(
    t,
    { target: `rsync://robot@127.0.0.1:${daemon.port}/farm/`, maxBytesPerDay: 10_000_000 },
    { tasks: [{ name: 'main' }, { name: 'gates' }] },
  );
  const { state, config } = robot;
  const { sample } = state
    .task('main')
    .samples.admit(newSample('', { jpeg: await jpeg(1), label: 'weed', dhash: '0'.repeat(16) }));
  state.task('gates').samples.label(sample.id, 'open', 'cli');
  const environment = { PATH: process.env.PATH, RSYNC_PASSWORD: daemon.password };
  for (const { synchroniser } of openSynchronisers(config, state, environment)) {
    const { pictures, limited } = await passOf(synchroniser);
    assert.deepEqual([pictures, limited], [1, false]);
  }
  for (const [task, label] of [
    ['main', 'weed'],
    ['gates', 'open'],
  ]) {
    const { store } = temporaryStore(t);
    await importFolder(store, join(daemon.root, ROBOT, task!), { limits });
    assert.deepEqual(store.labels(), [label]);
  }
});

test('pictures and sidecars without each other are named, and the rest is imported', async (t) => {
  const { folder } = await sent(t);
  const dir = join(folder, ROBOT);
  const pictures = readdirSync(dir).filter((name) => !name.endsWith(SIDECAR_ENDING));
  const stem = (name: string) => name.slice(0, name.lastIndexOf('.'));
  rmSync(join(dir, pictures[0]!));
  rmSync(join(dir, stem(pictures[1]!) + SIDECAR_ENDING));
  writeFileSync(join(dir, stem(pictures[2]!) + SIDECAR_ENDING), '{"schema":1,');
  const { store } = temporaryStore(t);
  const report = await importFolder(store, dir, { limits });
  assert.equal(report.imported, 4);
  const files = new Map(report.leftOut.map(({ code, files: count }) => [code, count]));
  assert.deepEqual(
    files,
    new Map([
      ['HL_IMPORT_UNLABELLED', 2],
      ['HL_IMPORT_SIDECAR_ALONE', 1],
    ]),
  );
  assert.ok(report.warnings.some(({ code }) => code === 'HL_IMPORT_ANNOTATION_INVALID'));
});

test('pictures that a person sorted into class folders get these classes', async (t) => {
  const { folder, robot } = await sent(t);
  const dir = join(folder, ROBOT);
  const waiting = robot.state.task().samples.list({ labelled: false });
  const sorted = temporaryFolder(t);
  mkdirSync(join(sorted, 'thistle'));
  for (const { id } of waiting) {
    renameSync(join(dir, `${id}.jpg`), join(sorted, 'thistle', `${id}.jpg`));
    renameSync(join(dir, id + SIDECAR_ENDING), join(sorted, id + SIDECAR_ENDING));
  }
  const { store } = temporaryStore(t);
  await importFolder(store, sorted, { limits });
  assert.deepEqual(
    store.list().map(({ label, group, capturedAtMs }) => ({ label, group, capturedAtMs })),
    waiting.map(({ group, capturedAtMs }) => ({ label: 'thistle', group, capturedAtMs })),
  );
});

test('sidecars alone are no pictures', async (t) => {
  const { folder } = await sent(t);
  const dir = join(folder, ROBOT);
  for (const name of readdirSync(dir)) {
    if (!name.endsWith(SIDECAR_ENDING)) rmSync(join(dir, name));
  }
  const { store } = temporaryStore(t);
  await assert.rejects(importFolder(store, dir, { limits }), hasCode('HL_IMPORT_NO_CLASSES'));
});
