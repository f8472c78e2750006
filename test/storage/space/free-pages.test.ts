import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { SpaceReturn } from '../../../src/agent/care/space-return.js';
import { openState, openStateOrStandIn } from '../../../src/agent/open-state.js';
import {
  createDatabase,
  type Database,
  findDamage,
  openDatabase,
  openPresentDatabase,
} from '../../../src/storage/database.js';
import { FreePages, pageCounts } from '../../../src/storage/space/free-pages.js';
import { robotConfig } from '../../agent/support.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { quietScheduler, recordedLog } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';

const ROW_BYTES = 30_000;

/** A database with rows of 30 kB; every second one is removed. */
function halfEmpty(t: TestContext, rows: number): Database {
  const database = openDatabase(join(temporaryFolder(t), 'headland.db'));
  t.after(() => database.close());
  fill(database, rows);
  return database;
}

function fill(database: Database, rows: number): void {
  database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)');
  const insert = database.prepare('INSERT INTO t (id, bytes) VALUES (?, ?)');
  database.transaction(() => {
    for (let id = 1; id <= rows; id++) insert.run(id, Buffer.alloc(ROW_BYTES, id));
  })();
  database.exec('DELETE FROM t WHERE id % 2 = 0; PRAGMA wal_checkpoint(TRUNCATE)');
}

function bytesOf(database: Database): number {
  database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  return statSync(database.path).size;
}

/** All rows that must be there, each as it was written. */
function checkRows(database: Database, rows: number): void {
  const read = database.prepare<{ bytes: Uint8Array }>('SELECT bytes FROM t WHERE id = ?');
  for (let id = 1; id <= rows; id += 2) {
    assert.ok(Buffer.alloc(ROW_BYTES, id).equals(read.get(id)!.bytes), `row ${id}`);
  }
  assert.deepEqual(findDamage(database), []);
}

describe('space that nothing uses', { timeout: TEST_HANG_MS }, () => {
  test('leaves the file in small steps, and the rows stay as they are', (t) => {
    const database = halfEmpty(t, 1_000);
    const before = bytesOf(database);
    const pages = new FreePages(database);
    assert.equal(pages.areWorthIt, true);
    let steps = 0;
    while (pages.step() > 0) steps += 1;
    assert.ok(steps >= 4, `${steps} steps`);
    assert.equal(pageCounts(database).free, 256, 'some stay for the next rows');
    assert.equal(pages.areWorthIt, false);
    const after = bytesOf(database);
    assert.ok(after < before * 0.65, `${before} bytes became ${after}`);
    checkRows(database, 1_000);
  });

  test('is taken in fewer pages at a time where the disk is slow', (t) => {
    const database = halfEmpty(t, 400);
    let nowMs = 0;
    const pages = new FreePages(database, () => (nowMs += 8));
    const first = pages.step();
    assert.equal(pages.step(), first / 4);
  });

  test('is not worth it while it is little', (t) => {
    assert.equal(new FreePages(halfEmpty(t, 200)).areWorthIt, false);
  });

  test('stays in an older file, which has no pointer maps', (t) => {
    const database = openDatabase(join(temporaryFolder(t), 'headland.db'));
    t.after(() => database.close());
    database.exec('PRAGMA auto_vacuum = NONE; VACUUM');
    fill(database, 400);
    assert.ok(pageCounts(database).free > 1_024);
    assert.equal(new FreePages(database).areWorthIt, false);
  });

  test('is given back by the daemon, which stops between two steps', async (t) => {
    const database = halfEmpty(t, 500);
    const before = bytesOf(database);
    const { log } = recordedLog();
    const returning = new SpaceReturn({ database, repeats: quietScheduler(), log });
    await returning.giveBack();
    assert.ok(bytesOf(database) < before * 0.65);
    database.exec('DELETE FROM t');
    await returning.stop();
    const { all } = pageCounts(database);
    await returning.giveBack();
    assert.equal(pageCounts(database).all, all);
  });

  test('can leave a file that was made as a whole, such as a backup', (t) => {
    const path = join(temporaryFolder(t), 'whole.db');
    createDatabase(path, (database) => database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY)'));
    const database = openPresentDatabase(path);
    t.after(() => database.close());
    assert.equal(pageCounts(database).canShrink, true);
  });
});

describe('a database of an older headland', () => {
  function olderState(t: TestContext, rows: number) {
    const config = robotConfig(temporaryFolder(t));
    const state = openState(config);
    fill(state.database, rows);
    state.database.exec('PRAGMA auto_vacuum = NONE; VACUUM');
    assert.equal(pageCounts(state.database).canShrink, false);
    state.close();
    return config;
  }

  function opened(t: TestContext, config: ReturnType<typeof robotConfig>): Database {
    const { log } = recordedLog();
    const fail = (error: Error): void => assert.fail(error.message);
    const state = openStateOrStandIn(config, fail, log, () => null);
    t.after(() => state.close());
    return state.database;
  }

  test('is rewritten once at the start of the daemon', (t) => {
    const config = olderState(t, 200);
    const database = opened(t, config);
    assert.equal(pageCounts(database).canShrink, true);
    assert.deepEqual(database.pragma('busy_timeout'), [{ timeout: 5_000 }]);
    checkRows(database, 200);
  });

  test('stays as it is when it is large', (t) => {
    const database = opened(t, olderState(t, 1_200));
    assert.equal(pageCounts(database).canShrink, false);
  });
});
