import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { lockDatabase } from '../../chaos/resources/scenarios.js';
import { HeadlandError } from '../../src/base/errors.js';
import { openDatabase } from '../../src/storage/database.js';
import { Meta } from '../../src/storage/meta-table.js';
import { patiently, StorePatience } from '../../src/storage/store-patience.js';
import { hasCode } from '../errors.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';

const busy = (): HeadlandError => new HeadlandError('HL_STORE_BUSY', 'busy', { remedy: 'Wait.' });

describe('a database that another process locks', { timeout: TEST_HANG_MS }, () => {
  test('is waited for once and briefly, then not at all until it is free', async (t) => {
    const path = join(temporaryFolder(t), 'headland.db');
    const database = openDatabase(path);
    t.after(() => database.close());
    const meta = new Meta(database);
    const waitsMs = (): unknown => database.pragma('busy_timeout')[0]?.timeout;
    assert.equal(waitsMs(), 5_000);
    database.doNotBlock();
    assert.deepEqual([waitsMs(), database.isLocked()], [100, false]);
    const release = await lockDatabase(path, (end) => t.after(() => void end()));
    assert.throws(() => meta.set('key', 'lost'), hasCode('HL_STORE_BUSY'));
    assert.equal(waitsMs(), 0);
    for (let i = 0; i < 1_000; i++) {
      assert.throws(() => meta.set('key', 'lost'), hasCode('HL_STORE_BUSY'));
    }
    assert.equal(database.isLocked(), true);
    assert.equal(database.lockedError().code, 'HL_STORE_BUSY');
    assert.equal(meta.get('key'), null, 'it can be read');
    await release();
    assert.deepEqual([database.isLocked(), waitsMs()], [false, 100]);
    meta.set('key', 'value');
    database.reopen();
    assert.equal(waitsMs(), 100);
  });

  test('keeps the order of those who wait, and lets the others through', async () => {
    const patience = new StorePatience();
    const order: string[] = [];
    let isLocked = true;
    const write = (name: string) => (): string => {
      if (isLocked) throw busy();
      order.push(name);
      return name;
    };
    const writes = ['first', 'second', 'third'].map((name) => patience.wait(write(name)));
    await new Promise((resolve) => setTimeout(resolve, 120));
    assert.deepEqual(order, []);
    isLocked = false;
    // Comes when the lock is gone, and yet after those who have waited.
    writes.push(patience.wait(write('fourth')));
    assert.deepEqual(await Promise.all(writes), ['first', 'second', 'third', 'fourth']);
    assert.deepEqual(order, ['first', 'second', 'third', 'fourth']);
    assert.equal(await patience.wait(write('fifth')), 'fifth');
  });

  test('is not waited for without end; other errors come at once', async () => {
    let attempts = 0;
    const locked = patiently(() => {
      attempts += 1;
      throw busy();
    });
    await assert.rejects(locked, hasCode('HL_STORE_BUSY'));
    assert.ok(attempts > 1);
    const full = new HeadlandError('HL_STORE_FULL', 'full', { remedy: 'Free space.' });
    let tried = 0;
    const refused = new StorePatience().wait(() => {
      tried += 1;
      throw full;
    });
    await assert.rejects(refused, full);
    assert.equal(tried, 1);
  });
});
