import assert from 'node:assert/strict';
import { renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { lockDatabase } from '../../chaos/resources/scenarios.js';
import { openStateOrStandIn } from '../../src/agent/open-state.js';
import { StoreWatch } from '../../src/agent/store-watch.js';
import { HeadlandError } from '../../src/base/errors.js';
import { TEST_HANG_MS } from '../liveness.js';
import { quietScheduler, recordedAlarms, recordedLog } from '../recorder.js';
import { smallDisk } from '../samples/support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { robotConfig } from './support.js';

const REFUSED = new HeadlandError('HL_STORE_IO', 'the disk reports an error', { remedy: 'None.' });

/** A robot whose state folder is `dir`, and the watch over it. */
function watched(t: Parameters<typeof temporaryFolder>[0], dir: string) {
  const { alarms, changes, said } = recordedAlarms();
  let watch: StoreWatch | null = null;
  const state = openStateOrStandIn(
    robotConfig(dir),
    (error) => watch?.trouble(error),
    recordedLog().log,
    () => null,
  );
  const watching = new StoreWatch(state.database, alarms, quietScheduler());
  watch = watching;
  t.after(async () => {
    await watching.stop();
    state.close();
  });
  const changed = (change: string): Promise<string> =>
    changes.until((said) => said === change, change);
  return { watch: watching, state, said, changed };
}

describe('the watch over the disk', { timeout: TEST_HANG_MS }, () => {
  test('says nothing of a disk that takes writes', (t) => {
    const { watch, state, said } = watched(t, temporaryFolder(t));
    watch.start();
    state.meta.set('key', 'value');
    assert.deepEqual([said, watch.obstacle], [[], null]);
  });

  test('raises an alarm about a folder that cannot be had, and uses it when it can', async (t) => {
    const place = join(temporaryFolder(t), 'place');
    writeFileSync(place, 'a file where the folder should be');
    const { watch, state, said, changed } = watched(t, place);
    assert.equal(said.length, 0, 'nobody watches yet');
    watch.start();
    assert.deepEqual(said, ['raised store critical HL_STORE_UNAVAILABLE']);
    assert.equal(watch.obstacle?.code, 'HL_STORE_UNAVAILABLE');
    assert.equal(state.task().samples.counts().total, 0);
    assert.throws(() => state.meta.set('key', 'value'), { code: 'HL_STORE_UNAVAILABLE' });
    rmSync(place);
    await changed('cleared store');
    assert.equal(watch.obstacle, null);
    state.meta.set('key', 'value');
    assert.equal(state.meta.get('key'), 'value');
  });

  test('raises an alarm with the first write that is refused, until one is taken', async (t) => {
    const { watch, state, said, changed } = watched(t, temporaryFolder(t));
    watch.start();
    state.database.pragma('query_only = ON');
    for (let i = 0; i < 2; i++) {
      assert.throws(() => state.meta.set('key', 'value'), { code: 'HL_STORE_READ_ONLY' });
    }
    assert.deepEqual(said, ['raised store critical HL_STORE_READ_ONLY'], 'once');
    // Another connection takes its place.
    await changed('cleared store');
    state.meta.set('key', 'value');
  });

  test('lets go of a file whose disk was taken out, and finds what it held when it is back', async (t) => {
    const dir = temporaryFolder(t);
    const place = join(dir, 'disk');
    const { watch, state, said, changed } = watched(t, place);
    watch.start();
    state.meta.set('key', 'value');
    renameSync(place, join(dir, 'elsewhere'));
    writeFileSync(place, 'no disk');
    // The next look would find it; what is refused brings it forward.
    watch.trouble(REFUSED);
    await changed('raised store critical HL_STORE_UNAVAILABLE');
    assert.throws(() => state.meta.set('key', 'other'), { code: 'HL_STORE_UNAVAILABLE' });
    rmSync(place);
    renameSync(join(dir, 'elsewhere'), place);
    await changed('cleared store');
    assert.equal(state.meta.get('key'), 'value');
    assert.deepEqual(said.at(-1), 'cleared store');
  });

  test('raises an alarm about a full disk although nothing is stored', async (t) => {
    const disk = smallDisk(t, '8m');
    if (disk === null) return;
    const { watch, state, changed } = watched(t, join(disk, 'state'));
    watch.start();
    const ballast = join(disk, 'ballast');
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - 65_536));
    await changed('raised store critical HL_STORE_FULL');
    rmSync(ballast);
    await changed('cleared store');
    state.meta.set('key', 'value');
  });

  test('raises an alarm about a lock that stays, and clears it when it is gone', async (t) => {
    const folder = temporaryFolder(t);
    const { watch, state, said, changed } = watched(t, folder);
    state.meta.set('key', 'value');
    state.database.doNotBlock();
    watch.start();
    const release = await lockDatabase(state.databasePath, (end) => t.after(() => void end()));
    await changed('raised store critical HL_STORE_BUSY');
    assert.equal(watch.obstacle?.code, 'HL_STORE_BUSY');
    await release();
    await changed('cleared store');
    assert.equal(said.length, 2);
  });
});
