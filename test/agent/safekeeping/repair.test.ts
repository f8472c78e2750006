import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openState, openStateOrStandIn } from '../../../src/agent/open-state.js';
import { damageOf } from '../../../src/agent/safekeeping/examine-state.js';
import { type RepairReport, repairStore } from '../../../src/agent/safekeeping/repair-store.js';
import { Safekeeping } from '../../../src/agent/safekeeping/safekeeping.js';
import { backupFolderOf } from '../../../src/agent/safekeeping/witnesses.js';
import { StoreWatch } from '../../../src/agent/store-watch.js';
import { serialiseError } from '../../../src/base/errors.js';
import { findDamage, openPresentDatabase } from '../../../src/storage/database.js';
import { DatabasePages } from '../../../src/storage/salvage/database-pages.js';
import { StoredSchema } from '../../../src/storage/salvage/schema-rows.js';
import { Trees } from '../../../src/storage/salvage/trees.js';
import { pageCounts } from '../../../src/storage/space/free-pages.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { quietScheduler, recordedAlarms, recordedLog } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { KeptRobot } from './kept-robot.js';

const PAGE = 4_096;

/** A database that gives space back has pointer maps; one of an older headland has none. */
const MODES = ['pointer maps', 'no pointer maps'] as const;
type Mode = (typeof MODES)[number];

function robotWith(t: TestContext, samples: number, mode: Mode = 'pointer maps'): KeptRobot {
  const robot = new KeptRobot(temporaryFolder(t));
  robot.teach(samples);
  if (mode === 'no pointer maps') {
    const database = openPresentDatabase(robot.path);
    database.exec('PRAGMA auto_vacuum = NONE; VACUUM');
    database.close();
  }
  assert.equal(isMapped(robot.path), mode === 'pointer maps');
  return robot;
}

/** As SQLite tells it. */
function isMapped(path: string): boolean {
  const database = openPresentDatabase(path);
  const { canShrink } = pageCounts(database);
  database.close();
  return canShrink;
}

/** Numbers of the pages of a table or an index, the root first. */
function pagesOf(path: string, name: string): number[] {
  const pages = new DatabasePages(path);
  const trees = new Trees(pages);
  const root = new StoredSchema(pages).rootOf(name)!;
  for (const _ of trees.rows(root, { pages: 0, rows: 0 }));
  pages.close();
  return [root, ...[...trees.seen].filter((page) => page !== root)];
}

function destroy(path: string, pages: readonly number[]): Buffer {
  const bytes = readFileSync(path);
  for (const page of pages) bytes.fill(0xa5, (page - 1) * PAGE, page * PAGE);
  writeFileSync(path, bytes);
  return bytes;
}

function repair(robot: KeptRobot): RepairReport {
  const cause = damageOf(robot.config) ?? new Error('found by reading a page');
  return repairStore({
    path: robot.path,
    stateDir: robot.dir,
    backupFolder: backupFolderOf(robot.config),
    cause: serialiseError(cause),
  });
}

/** Every sample with its label, and every picture that is there; then the counts. */
function check(robot: KeptRobot, lostPictures = 0): void {
  const state = openState(robot.config);
  try {
    const { samples } = state.task();
    let missing = 0;
    for (const { id, label, jpeg } of robot.samples) {
      const picture = samples.picture(id);
      if (picture === null) missing += 1;
      else assert.ok(jpeg.equals(picture), 'the picture as it was stored');
      // Without label and picture it is of no use.
      if (label === null && picture === null) assert.equal(samples.get(id), null);
      else assert.equal(samples.get(id)?.label, label);
    }
    assert.ok(missing <= lostPictures, `${missing} pictures are missing`);
    assert.deepEqual(findDamage(state.database), []);
    const { classes } = samples.counts();
    const counted = classes.reduce((sum, { training, holdout }) => sum + training + holdout, 0);
    assert.equal(counted, robot.labels);
  } finally {
    state.close();
  }
}

describe('a lost database', () => {
  for (const [how, lose] of [
    ['empty', (path: string) => truncateSync(path)],
    ['missing', (path: string) => rmSync(path)],
  ] as const) {
    test(`that is ${how} beside a head is no new one: the newest backup comes back`, (t) => {
      const robot = robotWith(t, 30);
      robot.addHead(24);
      robot.backUp();
      lose(robot.path);
      assert.throws(() => openState(robot.config), { code: 'HL_STORE_LOST' });
      assert.equal(existsSync(robot.path) ? statSync(robot.path).size : 0, 0, 'left as it is');
      const { labels, backup, setAside } = repair(robot);
      assert.deepEqual(labels, { before: 24, after: 24 });
      assert.match(backup!.path, /backups\/000001-.*\.backup$/);
      assert.equal(setAside, how === 'empty' ? `${robot.path}.damaged-1` : null);
      check(robot, 30);
    });
  }

  test('that is missing without anything beside it is a new robot', (t) => {
    const robot = robotWith(t, 5);
    rmSync(robot.path);
    assert.equal(damageOf(robot.config), null);
  });

  test('that is empty, with heads and no backup, begins anew and is told about once', (t) => {
    const robot = robotWith(t, 5);
    robot.addHead(4);
    truncateSync(robot.path);
    assert.equal(damageOf(robot.config)?.code, 'HL_STORE_LOST');
    assert.deepEqual(repair(robot).labels, { before: null, after: 0 });
    assert.equal(damageOf(robot.config), null);
  });

  test('an older file in its place is set aside, and gives what the backup has not', (t) => {
    const robot = robotWith(t, 20);
    robot.backUp();
    const older = readFileSync(robot.path);
    robot.teach(20);
    robot.backUp();
    assert.equal(damageOf(robot.config), null);
    writeFileSync(robot.path, older);
    assert.match(damageOf(robot.config)?.message ?? '', /older than the newest backup/);
    assert.deepEqual(repair(robot).labels, { before: 32, after: 32 });
    // Those that the older file had.
    check(robot, 20);
  });
});

describe('damaged pages', () => {
  test('of the outbox cost no label, and the damaged file is kept as it was', (t) => {
    const robot = robotWith(t, 60);
    const damaged = destroy(robot.path, pagesOf(robot.path, 'telemetry_outbox').slice(0, 2));
    const { tables, setAside, labels } = repair(robot);
    assert.deepEqual(labels, { before: 48, after: 48 });
    assert.deepEqual(
      tables.map(({ table }) => table),
      ['telemetry_outbox'],
    );
    assert.ok(tables[0]!.rows > 30 && tables[0]!.rows < 60, 'the other messages are kept');
    assert.ok(readFileSync(setAside!).equals(damaged));
    check(robot);
  });

  const tables = ['task_samples', 'samples', 'label_history', 'features', 'pictures'];
  for (const [table, mode] of tables.flatMap((name) => MODES.map((one) => [name, one] as const))) {
    test(`of ${table}, each one, cost no label, with ${mode}`, (t) => {
      const robot = robotWith(t, 60, mode);
      const sound = readFileSync(robot.path);
      const pages = pagesOf(robot.path, table);
      // The pages of one long picture are alike.
      for (const page of pages.slice(0, 12)) {
        writeFileSync(robot.path, sound);
        destroy(robot.path, [page]);
        repair(robot);
        check(robot, table === 'pictures' ? 12 : 0);
      }
    });
  }

  for (const mode of MODES) {
    test(`that list all tables cost no label, with ${mode}`, (t) => {
      const robot = robotWith(t, 60, mode);
      const pages = new DatabasePages(robot.path);
      const trees = new Trees(pages);
      for (const _ of trees.rows(1, { pages: 0, rows: 0 }));
      pages.close();
      destroy(robot.path, [...trees.seen]);
      assert.equal(damageOf(robot.config)?.code, 'HL_STORE_CORRUPT');
      repair(robot);
      check(robot);
      assert.equal(isMapped(robot.path), true, 'a repaired file gives space back');
    });
  }

  test('that are a pointer map cost nothing, and are found by the check of every page', (t) => {
    const robot = robotWith(t, 60);
    destroy(robot.path, [2]);
    const database = openPresentDatabase(robot.path);
    assert.notDeepEqual(findDamage(database), []);
    database.close();
    const { tables: damaged } = repair(robot);
    assert.deepEqual(damaged, []);
    check(robot);
  });

  test('in the place of a pointer map belong to no tree, also without the first page', (t) => {
    const robot = robotWith(t, 60);
    const bytes = readFileSync(robot.path);
    const leaf = pagesOf(robot.path, 'samples').find((page) => bytes[(page - 1) * PAGE] === 10);
    assert.ok(leaf !== undefined);
    bytes.copyWithin(PAGE, (leaf - 1) * PAGE, leaf * PAGE);
    writeFileSync(robot.path, bytes);
    const pages = new DatabasePages(robot.path);
    t.after(() => pages.close());
    const trees = new Trees(pages);
    const lost = [...trees.lostLeaves()].map(({ rows }) => JSON.stringify(rows));
    assert.equal(new Set(lost).size, lost.length, 'the copy is not read');
    assert.ok(lost.length > 10);
  });

  test('hide no pointer map: each says what it is', (t) => {
    for (const mode of MODES) {
      const robot = robotWith(t, 30, mode);
      destroy(robot.path, [1]);
      const pages = new DatabasePages(robot.path);
      const maps = Array.from({ length: 2_000 }, (_, at) => at).filter((at) =>
        pages.isPointerMap(at),
      );
      pages.close();
      assert.deepEqual(maps, mode === 'pointer maps' ? [2, 822, 1_642] : []);
    }
  });

  test('of a picture leave its sample as a thinned one', (t) => {
    const robot = robotWith(t, 20);
    const bytes = readFileSync(robot.path);
    const long = robot.samples.find(({ label, jpeg }) => label !== null && jpeg.length > 5_000)!;
    const at = bytes.indexOf(long.jpeg.subarray(0, 64));
    bytes[at + 20]! ^= 1;
    writeFileSync(robot.path, bytes);
    repair(robot);
    const state = openState(robot.config);
    t.after(() => state.close());
    const sample = state.task().samples.get(long.id);
    assert.deepEqual([sample?.label, sample?.pictureBytes], [long.label, 0]);
  });

  test('of labels are filled from the backup where no index tells them', (t) => {
    const robot = robotWith(t, 60);
    robot.backUp();
    const indexes = ['task_samples_by_label', 'task_samples_by_source', 'task_samples_by_sample'];
    const names = ['task_samples', ...indexes];
    destroy(robot.path, [...new Set(names.flatMap((name) => pagesOf(robot.path, name)))]);
    const { backup, tables } = repair(robot);
    assert.ok(backup !== null);
    assert.ok(tables.find(({ table }) => table === 'task_samples')!.filled > 0);
    check(robot);
  });
});

describe('the log of a database that was not closed', () => {
  /** As a crash leaves it: `headland.db`, its log and the index of the log. */
  function crashed(t: TestContext): KeptRobot {
    return robotWith(t, 10).teachAndCrash(10, join(temporaryFolder(t), 'crashed'));
  }

  test('is no damage', (t) => {
    const robot = crashed(t);
    assert.equal(damageOf(robot.config), null);
    check(robot);
  });

  test('is damage when it is gone, and the file itself is used', (t) => {
    const robot = crashed(t);
    rmSync(`${robot.path}-wal`);
    assert.equal(damageOf(robot.config)?.code, 'HL_STORE_CORRUPT');
    repair(robot);
    robot.samples.length = 10;
    check(robot);
  });

  test('is damage when it is cut, and what is left of it counts', (t) => {
    const robot = crashed(t);
    truncateSync(`${robot.path}-wal`, statSync(`${robot.path}-wal`).size - 3 * (PAGE + 24));
    assert.equal(damageOf(robot.config)?.code, 'HL_STORE_CORRUPT');
    const { labels } = repair(robot);
    assert.ok(labels.after >= 14, `${labels.after} labels`);
  });

  for (const [what, at] of [
    ['its first bytes', 5],
    ['a page in the middle', 32 + 4 * (PAGE + 24) + 700],
  ] as const) {
    test(`is damage when ${what} are wrong, and the pages after it count`, (t) => {
      const robot = crashed(t);
      const log = readFileSync(`${robot.path}-wal`);
      log[at]! ^= 0x40;
      writeFileSync(`${robot.path}-wal`, log);
      assert.equal(damageOf(robot.config)?.code, 'HL_STORE_CORRUPT');
      const { setAside } = repair(robot);
      assert.ok(readFileSync(`${setAside}-wal`).equals(log));
      check(robot);
    });
  }
});

describe('the daemon', { timeout: TEST_HANG_MS }, () => {
  function watched(t: TestContext, robot: KeptRobot) {
    const { alarms, changes, said } = recordedAlarms();
    const { log } = recordedLog();
    let watch: StoreWatch | null = null;
    const state = openStateOrStandIn(
      robot.config,
      (error) => watch?.trouble(error),
      log,
      () => null,
    );
    const safekeeping = new Safekeeping({
      config: robot.config,
      version: 'test',
      database: state.database,
      audit: state.audit,
      alarms,
      repeats: quietScheduler(),
      log,
      labelRevision: () => state.task().samples.labelRevision(),
      onDamage: (error) => watch?.trouble(error),
    });
    const watching = new StoreWatch(state.database, alarms, quietScheduler(), safekeeping);
    watch = watching;
    t.after(async () => {
      await safekeeping.stop();
      await watching.stop();
      state.close();
    });
    return {
      state,
      safekeeping,
      watching,
      alarms,
      said,
      changed: (change: string) => changes.until((one) => one === change, change),
    };
  }

  test('repairs a lost database beside its work, and says what is missing', async (t) => {
    const robot = robotWith(t, 20);
    robot.addHead(16);
    robot.backUp();
    truncateSync(robot.path);
    const { state, watching, alarms, said, changed } = watched(t, robot);
    watching.start();
    assert.deepEqual(said, ['raised store critical HL_STORE_LOST']);
    assert.equal(state.task().samples.counts().total, 0);
    assert.throws(() => state.meta.set('key', 'value'), { code: 'HL_STORE_LOST' });
    await changed('cleared store');
    assert.equal(state.task().samples.counts().classes.length, 2);
    const [alarm] = alarms.list();
    assert.equal(alarm?.error.code, 'HL_STORE_REPAIRED');
    assert.match(alarm.error.message, /all 16 labels are there, 4 of 20 samples are lost/);
    assert.equal(state.audit.list({ kind: 'store-repaired' }).length, 1);
    state.meta.set('key', 'value');
  });

  test('repairs damage that the check of every page finds, and backs up nothing before', async (t) => {
    const robot = robotWith(t, 40);
    destroy(robot.path, pagesOf(robot.path, 'pictures').slice(1, 2));
    const { state, safekeeping, watching, said, changed } = watched(t, robot);
    watching.start();
    assert.deepEqual(said, []);
    await safekeeping.check();
    assert.deepEqual(said, ['raised store critical HL_STORE_CORRUPT']);
    assert.equal(existsSync(backupFolderOf(robot.config)), false);
    await changed('cleared store');
    const counts = state.task().samples.counts();
    const labels = counts.classes.reduce((sum, one) => sum + one.training + one.holdout, 0);
    assert.equal(labels, robot.labels);
    await safekeeping.check();
    assert.equal(existsSync(backupFolderOf(robot.config)), true);
  });

  test('starts with damaged pages of the outbox, and repairs them', async (t) => {
    const robot = robotWith(t, 40);
    destroy(robot.path, pagesOf(robot.path, 'telemetry_outbox').slice(0, 1));
    const { state, watching, said, changed } = watched(t, robot);
    watching.start();
    assert.deepEqual(said, ['raised store critical HL_STORE_CORRUPT']);
    await changed('cleared store');
    assert.equal(state.task().samples.counts().classes.length, 2);
  });
});
