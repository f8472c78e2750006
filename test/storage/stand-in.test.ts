import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { HeadlandError } from '../../src/base/errors.js';
import { openSampleStore, openSampleStoreToRead } from '../../src/samples/open-store.js';
import { SampleStore } from '../../src/samples/store.js';
import { type Database, openDatabase, openDatabaseOrStandIn } from '../../src/storage/database.js';
import { Meta } from '../../src/storage/meta-table.js';
import { hasCode } from '../errors.js';
import { newSample, smallDisk } from '../samples/support.js';
import { temporaryFolder } from '../temporary-folder.js';

interface Opened {
  database: Database;
  meta: Meta;
  samples: SampleStore;
  troubles: string[];
}

function openOrStandIn(t: TestContext, path: string): Opened {
  const troubles: string[] = [];
  const database = openDatabaseOrStandIn(path, ({ code }: HeadlandError) => troubles.push(code));
  t.after(() => database.close());
  const rule = { holdoutShare: 0.2, holdoutAfterSamples: 60, maxPictureStoreBytes: 1e9 };
  return { database, meta: new Meta(database), samples: new SampleStore(database, rule), troubles };
}

function remount(folder: string, how: 'ro' | 'rw'): void {
  const { status, stderr } = spawnSync('mount', ['-o', `remount,${how}`, folder]);
  assert.equal(status, 0, String(stderr));
}

/** Another process sets a key to "yes"; it closes the file, or is killed when the key is "crashed". */
function write(path: string, key: string, rooms: 'meta' | 'all' = 'all'): void {
  const module = (name: string) => new URL(`../../src/${name}.js`, import.meta.url).href;
  const script = `import { openDatabase } from '${module('storage/database')}';
    import { Meta } from '${module('storage/meta-table')}';
    import { SampleStore } from '${module('samples/store')}';
    const [, path, key, rooms] = process.argv;
    const database = openDatabase(path);
    if (rooms === 'all') new SampleStore(database, { holdoutShare: 0.2 });
    new Meta(database).set(key, 'yes');
    if (key === 'crashed') process.kill(process.pid, 'SIGKILL');
    database.close();`;
  const { status, signal, stderr } = spawnSync(process.execPath, [
    '--input-type=module',
    '-e',
    script,
    path,
    key,
    rooms,
  ]);
  assert.ok(status === 0 || signal === 'SIGKILL', String(stderr));
}

describe('what stands in for the database', () => {
  test('reads as empty, refuses writes with the reason, and gives way to the file', (t) => {
    const folder = join(temporaryFolder(t), 'state');
    writeFileSync(folder, 'a file where the folder should be');
    const path = join(folder, 'headland.db');
    const { database, meta, samples, troubles } = openOrStandIn(t, path);
    assert.equal(database.standsInFor?.code, 'HL_STORE_UNAVAILABLE');
    assert.deepEqual(troubles, ['HL_STORE_UNAVAILABLE']);
    assert.equal(samples.counts().total, 0);
    assert.equal(meta.get('key'), null);
    assert.throws(() => meta.set('key', 'value'), hasCode('HL_STORE_UNAVAILABLE'));
    assert.throws(() => samples.admit(newSample('a', {})), hasCode('HL_STORE_UNAVAILABLE'));
    assert.throws(() => database.reopen(), hasCode('HL_STORE_UNAVAILABLE'));
    assert.equal(samples.counts().total, 0, 'as before');

    rmSync(folder);
    database.reopen();
    assert.equal(database.standsInFor, null);
    database.probe();
    meta.set('key', 'value');
    samples.admit(newSample('a', {}));
    const other = openDatabase(path);
    assert.equal(new Meta(other).get('key'), 'value');
    other.close();
  });

  test('a damaged file is neither read nor changed', (t) => {
    const path = join(temporaryFolder(t), 'headland.db');
    const damaged = Buffer.alloc(8_192, 'x');
    writeFileSync(path, damaged);
    const { database, meta } = openOrStandIn(t, path);
    assert.equal(database.standsInFor?.code, 'HL_STORE_CORRUPT');
    assert.throws(() => meta.set('key', 'value'), hasCode('HL_STORE_CORRUPT'));
    assert.throws(() => database.reopen(), hasCode('HL_STORE_CORRUPT'));
    assert.ok(readFileSync(path).equals(damaged));
  });

  test('a file that is taken away is closed, is not created again, and is taken back', (t) => {
    const root = temporaryFolder(t);
    const folder = join(root, 'state');
    mkdirSync(folder);
    const { database, meta, samples } = openOrStandIn(t, join(folder, 'headland.db'));
    meta.set('key', 'value');
    const { sample } = samples.admit(newSample('a', {}));
    assert.equal(database.closeLostFile(), null);
    renameSync(folder, join(root, 'away'));
    assert.equal(database.closeLostFile()?.code, 'HL_STORE_UNAVAILABLE');
    assert.equal(database.closeLostFile(), null, 'once');
    assert.throws(() => meta.set('key', 'lost'), hasCode('HL_STORE_UNAVAILABLE'));
    assert.throws(() => database.reopen(), hasCode('HL_STORE_UNAVAILABLE'));
    mkdirSync(folder);
    assert.throws(() => database.reopen(), hasCode('HL_STORE_UNAVAILABLE'), 'not an empty one');
    rmSync(folder, { recursive: true });
    renameSync(join(root, 'away'), folder);
    database.reopen();
    assert.equal(meta.get('key'), 'value');
    assert.ok(samples.admit(newSample('b', {})).sample.id > sample.id, 'ids go on');
  });

  test('of a thread beside the daemon gives way to the file and never creates it', (t) => {
    const folder = join(temporaryFolder(t), 'state');
    const path = join(folder, 'headland.db');
    const rule = { holdoutShare: 0.2, holdoutAfterSamples: 60, maxPictureStoreBytes: 1e9 };
    assert.throws(() => openSampleStore(path, rule), hasCode('HL_STORE_UNAVAILABLE'));
    const { store, refresh, close } = openSampleStoreToRead(path, rule);
    t.after(close);
    refresh();
    assert.equal(existsSync(folder), false);
    const daemon = openOrStandIn(t, path);
    daemon.samples.admit(newSample('a'));
    refresh();
    assert.equal(store.counts().total, 1);
    const repaired = openOrStandIn(t, join(folder, 'repaired.db'));
    repaired.samples.admit(newSample('a'));
    repaired.samples.admit(newSample('b'));
    repaired.database.close();
    renameSync(join(folder, 'repaired.db'), path);
    rmSync(`${path}-wal`, { force: true });
    rmSync(`${path}-shm`, { force: true });
    refresh();
    assert.equal(store.counts().total, 2, 'of the file that is there now');
  });

  test('on a read-only disk the file is read, unless a crash left a log beside it', (t) => {
    const folder = smallDisk(t, '8m');
    if (folder === null) return;
    const path = join(folder, 'headland.db');
    write(path, 'closed');
    remount(folder, 'ro');
    const closed = openOrStandIn(t, path);
    assert.equal(closed.database.standsInFor?.code, 'HL_STORE_READ_ONLY');
    assert.equal(closed.meta.get('closed'), 'yes');
    assert.throws(() => closed.meta.set('closed', 'no'), hasCode('HL_STORE_READ_ONLY'));
    closed.database.close();

    // As after a crash: what was committed last stands in the log alone.
    remount(folder, 'rw');
    write(path, 'crashed');
    remount(folder, 'ro');
    const { database, meta, samples } = openOrStandIn(t, path);
    assert.deepEqual([meta.get('closed'), meta.get('crashed')], [null, null]);
    assert.throws(() => meta.set('closed', 'no'), hasCode('HL_STORE_READ_ONLY'));
    remount(folder, 'rw');
    database.reopen();
    assert.deepEqual([meta.get('closed'), meta.get('crashed')], ['yes', 'yes'], 'nothing is lost');
    meta.set('crashed', 'no longer');
    samples.admit(newSample('a', {}));
    assert.equal(meta.get('crashed'), 'no longer');
  });

  test('tables of an older headland on a read-only disk are as good as none', (t) => {
    const folder = smallDisk(t, '8m');
    if (folder === null) return;
    const path = join(folder, 'headland.db');
    write(path, 'key', 'meta');
    remount(folder, 'ro');
    const { meta, samples, database } = openOrStandIn(t, path);
    assert.equal(samples.counts().total, 0, 'it has no table of samples yet');
    assert.throws(() => meta.set('key', 'x'), hasCode('HL_STORE_READ_ONLY'));
    remount(folder, 'rw');
    database.reopen();
    assert.equal(meta.get('key'), 'yes');
    assert.equal(samples.counts().total, 0);
  });
});
