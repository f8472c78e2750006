import assert from 'node:assert/strict';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { HeadlandError } from '../../../src/base/errors.js';
import { Database, openDatabase } from '../../../src/storage/database.js';
import { LogFlush } from '../../../src/storage/log/log-flush.js';
import { Meta } from '../../../src/storage/meta-table.js';
import { openFile } from '../../../src/storage/sqlite-connection.js';
import { hasCode } from '../../errors.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { temporaryFolder } from '../../temporary-folder.js';

describe('a database that does not wait for the disk', { timeout: TEST_HANG_MS }, () => {
  test('settles what was committed, and nothing is open afterwards', async (t) => {
    const path = join(temporaryFolder(t), 'headland.db');
    const database = openDatabase(path);
    const meta = new Meta(database);
    assert.equal(database.pragma('synchronous')[0]?.synchronous, 2);
    await database.settled();
    database.doNotBlock();
    assert.equal(database.pragma('synchronous')[0]?.synchronous, 1);
    meta.set('key', 'value');
    await database.settled();
    database.reopen();
    assert.equal(database.pragma('synchronous')[0]?.synchronous, 1);
    meta.set('key', 'newer');
    await Promise.all([database.settled(), database.settled()]);
    await database.idle();
    meta.set('key', 'newest');
    await database.idle();
    database.close();
    assert.equal(statSync(`${path}-wal`).size, 0);
    const again = openDatabase(path);
    t.after(() => again.close());
    assert.equal(new Meta(again).get('key'), 'newest');
  });

  test('moves the log into the file on another thread', async (t) => {
    const path = join(temporaryFolder(t), 'headland.db');
    const database = openDatabase(path);
    t.after(() => database.close());
    const meta = new Meta(database);
    database.doNotBlock();
    const before = statSync(path).size;
    // Less than the connection itself would move.
    for (let i = 0; i < 120; i++) meta.set(`key ${i}`, 'x'.repeat(40_000));
    await database.idle();
    assert.ok(statSync(path).size > before + 4_000_000, `${statSync(path).size} bytes`);
    await database.settled();
  });

  test('loses what it has not flushed when its file goes, and says so to who waits', async (t) => {
    const path = join(temporaryFolder(t), 'headland.db');
    const troubles: HeadlandError[] = [];
    const database = new Database(path, openFile(path, true), (error) => troubles.push(error));
    t.after(() => database.close());
    const meta = new Meta(database);
    database.doNotBlock();
    meta.set('key', 'value');
    for (const ending of ['', '-wal', '-shm']) rmSync(path + ending);
    const settled = database.settled();
    const lost = database.closeLostFile();
    assert.equal(lost?.code, 'HL_STORE_UNAVAILABLE');
    await assert.rejects(settled, hasCode('HL_STORE_UNAVAILABLE'));
    await assert.rejects(database.settled(), hasCode('HL_STORE_UNAVAILABLE'));
    assert.throws(() => meta.set('key', 'value'), hasCode('HL_STORE_UNAVAILABLE'));
    assert.throws(() => database.reopen(), hasCode('HL_STORE_UNAVAILABLE'));
  });

  test('is reported when the log has gone, and then writes without it', async (t) => {
    const path = join(temporaryFolder(t), 'headland.db');
    const troubles: HeadlandError[] = [];
    const database = new Database(path, openFile(path, true), (error) => troubles.push(error));
    t.after(() => database.close());
    const meta = new Meta(database);
    database.doNotBlock();
    meta.set('key', 'value');
    rmSync(`${path}-wal`);
    await assert.rejects(database.settled(), hasCode('HL_STORE_UNAVAILABLE'));
    assert.deepEqual(
      troubles.map(({ code }) => code),
      ['HL_STORE_UNAVAILABLE'],
    );
    await database.settled();
    // The file alone has it.
    const other = openDatabase(path);
    t.after(() => other.close());
    assert.equal(new Meta(other).get('key'), 'value');
  });
});

describe('LogFlush', { timeout: TEST_HANG_MS }, () => {
  test('does not trust a flush after one that has failed', async (t) => {
    const path = join(temporaryFolder(t), 'log');
    const done: string[] = [];
    let isBroken = true;
    const flush = new LogFlush(path, {
      writeWithoutLog: () => {
        done.push('without');
        if (isBroken) throw new Error('still broken');
      },
      failed: (cause) => {
        done.push('failed');
        return cause;
      },
    });
    flush.wrote();
    await assert.rejects(flush.settled(), { code: 'ENOENT' });
    writeFileSync(path, '');
    await assert.rejects(flush.settled(), /still broken/);
    isBroken = false;
    await flush.settled();
    assert.deepEqual(done, ['failed', 'without', 'failed', 'without']);
    flush.wrote();
    await flush.settled();
    assert.equal(done.length, 4, 'the log is trusted again');
    await flush.close();
  });
});
