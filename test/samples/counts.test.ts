import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isHeadlandError } from '../../src/base/errors.js';
import { COUNT_TABLES } from '../../src/samples/counting/count-tables.js';
import type { SampleChange } from '../../src/samples/sample.js';
import type { SampleCounts } from '../../src/samples/sample-counts.js';
import type { SampleStore } from '../../src/samples/store.js';
import { SAMPLE_TABLES } from '../../src/samples/tables.js';
import { type Database, openDatabase } from '../../src/storage/database.js';
import { migrate } from '../../src/storage/migrate.js';
import { temporaryFolder } from '../temporary-folder.js';
import { newSample, openStore, temporaryStore } from './support.js';

const TASKS = ['main', 'gates'];
const CHECKSUM = 'a'.repeat(64);
const PICTURE_BYTES = newSample('00').jpeg.length;
/** Few, so that groups change their side, and pictures are thinned out, within a short run. */
const OPTIONS = {
  holdoutShare: 0.5,
  holdoutAfterSamples: 2,
  maxPictureStoreBytes: 7 * PICTURE_BYTES,
  minPicturesPerClass: 1,
};

/** What the counts mean: every sample is read. */
function recounted(database: Database, task: string): SampleCounts {
  const classes = database
    .prepare<SampleCounts['classes'][number]>(
      `SELECT t.label, sum(1 - g.holdout) AS training, sum(g.holdout) AS holdout,
         count(DISTINCT g.name) AS groups,
         count(DISTINCT CASE WHEN g.holdout = 1 THEN g.name END) AS holdoutGroups
       FROM task_samples t JOIN samples s ON s.id = t.sample_id
         JOIN task_groups g ON g.task = t.task AND g.name = s.group_name
       WHERE t.task = ? AND t.label IS NOT NULL GROUP BY t.label ORDER BY t.label`,
    )
    .all(task);
  const rest = database
    .prepare<Omit<SampleCounts, 'labelled' | 'classes'>>(
      `SELECT (SELECT count(*) FROM task_samples WHERE task = ?1) AS total,
         (SELECT count(*) FROM task_samples
          WHERE task = ?1 AND label IS NULL AND excluded IS NULL) AS waiting,
         (SELECT count(*) FROM task_samples WHERE task = ?1 AND excluded IS NOT NULL) AS excluded,
         (SELECT count(*) FROM trash WHERE task = ?1) AS trash,
         (SELECT count(*) FROM task_samples t JOIN samples s ON s.id = t.sample_id
          WHERE t.task = ?1 AND t.label IS NOT NULL AND s.picture_bytes = 0) AS thinned,
         (SELECT coalesce(sum(picture_bytes), 0) FROM samples) AS pictureBytes`,
    )
    .get(task)!;
  const labelled = classes.reduce((sum, { training, holdout }) => sum + training + holdout, 0);
  return { labelled, ...rest, classes };
}

/** Samples whose label is not the one of the revision: every change since then is read. */
function recountedSince(database: Database, task: string, revision: number): number {
  return database
    .prepare<{ labels: number }>(
      `SELECT count(*) AS labels FROM (
         SELECT sample_id, old_label, min(revision) FROM label_history
         WHERE task = ?1 AND revision > ?2 AND renamed = 0 GROUP BY sample_id
       ) h LEFT JOIN task_samples t ON t.task = ?1 AND t.sample_id = h.sample_id
       WHERE h.old_label IS NOT t.label`,
    )
    .get(task, revision)!.labels;
}

function compare(database: Database, store: SampleStore, since: number): void {
  const { task } = store;
  const truth = recounted(database, task);
  assert.deepEqual(store.counts(), truth);
  assert.deepEqual(
    [...store.labelCounts()],
    truth.classes.map(({ label, training, holdout }) => [label, training + holdout]),
  );
  assert.deepEqual(
    store.labels(),
    truth.classes.map(({ label }) => label),
  );
  assert.equal(store.labelledCount(), truth.labelled);
  for (const { label, training } of truth.classes) {
    assert.equal(store.trainingCount(label), training);
  }
  assert.equal(store.labelCountSince(since), recountedSince(database, task, since));
}

/** As the store was before it kept counts: the next opening brings it up to date. */
function withoutCounts(database: Database): void {
  const older = openDatabase(`${database.path}.older`);
  migrate(older, 'samples', SAMPLE_TABLES.slice(0, SAMPLE_TABLES.indexOf(COUNT_TABLES)));
  const parts = (of: Database) =>
    of
      .prepare<{ name: string; type: string }>(
        "SELECT name, type FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'table'",
      )
      .all();
  const known = new Set(parts(older).map(({ name }) => name));
  older.close();
  for (const { name, type } of parts(database)) {
    // A trigger of a view goes with it.
    if (!known.has(name)) database.exec(`DROP ${type} IF EXISTS ${name}`);
  }
  database.exec(`UPDATE schema_versions SET version = ${SAMPLE_TABLES.indexOf(COUNT_TABLES)}`);
}

interface Step {
  name: string;
  run(store: SampleStore, real: Real): void;
}

interface Real {
  database: Database;
  /** Handles of changes that can be undone. */
  undo: string[];
  contents: Map<string, string>;
}

const nth = fc.nat(60);
const label = fc.constantFrom('weed', 'crop', 'stone', 'soil');
const group = fc.constantFrom('g1', 'g2', 'g3', 'g4', 'g5', 'g6');

function anyId({ database }: Real, n: number): string {
  const ids = database.prepare<{ id: string }>('SELECT id FROM samples ORDER BY id').all();
  return ids[n % Math.max(1, ids.length)]?.id ?? 'nobody';
}

const admit: fc.Arbitrary<Step> = fc
  .record({
    content: nth,
    label: fc.option(label, { nil: null, freq: 3 }),
    group,
    holdout: fc.option(fc.boolean(), { nil: undefined, freq: 1 }),
    kept: fc.boolean(),
    excluded: fc.option(fc.constantFrom('cannot_tell', 'ignored'), { nil: undefined, freq: 1 }),
  })
  .map(({ content, label: given, group: inGroup, holdout, kept, excluded }) => ({
    name: `admit(${content}, ${given}, ${inGroup}, ${holdout}, ${kept}, ${excluded})`,
    run(store, { contents }) {
      const what = String(content).padStart(2, '0');
      const restored = {
        ...(holdout === undefined ? {} : { holdout }),
        ...(kept && holdout ? { kept } : {}),
        ...(excluded === undefined ? {} : { excluded }),
      };
      const { sample } = store.admit(newSample(what, { label: given, group: inGroup }), restored);
      contents.set(sample.id, what);
      const features = Float32Array.of(1);
      const key = { sampleId: sample.id, backboneChecksum: CHECKSUM, recipe: '', view: 0 };
      // Only what was embedded is thinned out.
      store.putFeatures([{ ...key, features }]);
    },
  }));

const give: fc.Arbitrary<Step> = fc.tuple(nth, label).map(([n, given]) => ({
  name: `label(${n}, ${given})`,
  run: (store, real) => void store.label(anyId(real, n), given, 'cli'),
}));

const change: fc.Arbitrary<Step> = fc
  .tuple(
    fc.array(nth, { minLength: 1, maxLength: 3 }),
    fc.oneof(
      label.map((given): SampleChange => ({ label: given })),
      fc
        .constantFrom('waiting', 'cannot_tell', 'bad_image', 'ignored', 'trash', 'restored')
        .map((state) => ({ state }) as SampleChange),
    ),
  )
  .map(([which, to]) => ({
    name: `change(${which}, ${JSON.stringify(to)})`,
    run(store, real) {
      store.batch(() => {
        const before = which.map((n) => store.change(anyId(real, n), to, 'console'));
        const handle = store.remember(before);
        if (handle !== null) real.undo.push(handle);
      });
    },
  }));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: admit },
  { weight: 4, arbitrary: give },
  { weight: 4, arbitrary: change },
  {
    weight: 2,
    arbitrary: nth.map((n) => ({
      name: `undo(${n})`,
      run(store: SampleStore, real: Real) {
        const handle = real.undo[n % Math.max(1, real.undo.length)];
        const again = handle === undefined ? null : store.undo(handle, 'console').undo;
        if (again !== null) real.undo.push(again);
      },
    })),
  },
  nth.map((n) => ({
    name: `adopt(${n})`,
    run: (store: SampleStore, real: Real) =>
      void store.adopt(anyId(real, n), { label: null, labelSource: null }),
  })),
  fc.tuple(label, fc.constantFrom('weed', 'crop', 'moss')).map(([from, to]) => ({
    name: `rename(${from}, ${to})`,
    run: (store: SampleStore) => void store.renameClass(from, to, 'cli'),
  })),
  fc.tuple(label, label).map(([from, into]) => ({
    name: `merge(${from}, ${into})`,
    run: (store: SampleStore) => void store.mergeClass(from, into, 'cli'),
  })),
  label.map((name) => ({
    name: `ignore(${name})`,
    run: (store: SampleStore) => void store.ignoreClass(name, 'cli'),
  })),
  fc.tuple(fc.nat(3), fc.boolean()).map(([n, again]) => ({
    name: `undoClass(${n}, ${again})`,
    run(store: SampleStore) {
      const made = store.classChanges()[n];
      if (!made) return;
      if (again) store.repeatClassChange(made.id, 'cli');
      else store.undoClassChange(made.id, 'cli');
    },
  })),
  {
    weight: 2,
    arbitrary: fc.tuple(nth, group, fc.boolean()).map(([n, to, kept]) => ({
      name: `regroup(${n}, ${to}, ${kept})`,
      run: (store: SampleStore, real: Real) => store.regroup(anyId(real, n), to, kept),
    })),
  },
  fc.uniqueArray(group, { minLength: 2, maxLength: 3 }).map((groups) => ({
    name: `unite(${groups})`,
    run: (store: SampleStore) => void store.uniteGroups(groups),
  })),
  fc.constant({ name: 'settle', run: (store: SampleStore) => store.settleHoldout() }),
  fc.nat(3).map((keep) => ({
    name: `removeOldestWaiting(${keep})`,
    run: (store: SampleStore) => void store.removeOldestWaiting(keep),
  })),
  fc.constant({ name: 'emptyTrash', run: (store: SampleStore) => void store.emptyTrash() }),
  {
    weight: 4,
    arbitrary: nth.map((n) => ({
      name: `restorePicture(${n})`,
      run(store: SampleStore, real: Real) {
        const thinned = real.database
          .prepare<{ id: string }>('SELECT id FROM samples WHERE picture_bytes = 0 ORDER BY id')
          .all();
        const id = thinned[n % Math.max(1, thinned.length)]?.id;
        if (id) store.restorePicture(id, newSample(real.contents.get(id)!).jpeg);
      },
    })),
  },
  fc.tuple(nth, label).map(([n, given]) => ({
    name: `rolledBack(${n}, ${given})`,
    run(store: SampleStore, real: Real) {
      store.batch(() => {
        store.label(anyId(real, n), given, 'cli');
        store.labelCountSince(0);
        throw new RolledBack();
      });
    },
  })),
);

class RolledBack extends Error {}

/** What the store refuses changes nothing, which is compared, too. */
function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!isHeadlandError(error) && !(error instanceof RolledBack)) throw error;
  }
}

test('whatever two processes do to two tasks, the kept counts are those of a full recount', (t) => {
  const folder = temporaryFolder(t);
  const seen = { holdout: 0, thinned: 0, trash: 0, excluded: 0 };
  let run = 0;
  const steps = fc.array(
    fc.record({ step, task: fc.nat(1), writer: fc.nat(1), since: fc.nat(1) }),
    { size: 'max', minLength: 30, maxLength: 80 },
  );
  fc.assert(
    fc.property(steps, (sequence) => {
      const path = join(folder, `${run++}.db`);
      const roomy = { ...OPTIONS, maxPictureStoreBytes: 100 * PICTURE_BYTES };
      // The second process has room for what the first has thinned out.
      const opened = [openStore(path, OPTIONS), openStore(path, roomy)];
      const views = opened.map(({ store }) => [store, store.forTask(TASKS[1]!)]);
      const { database } = opened[0]!;
      const real: Real = { database, undo: [], contents: new Map() };
      let since = 0;
      try {
        for (const each of sequence) {
          attempt(() => each.step.run(views[each.writer]![each.task]!, real));
          // A training ends now and then.
          if (each.since === 0 && sequence.indexOf(each) % 9 === 8) {
            since = views[0]![0]!.labelRevision();
          }
          for (const [store, other] of views) {
            compare(database, store!, since);
            compare(database, other!, since);
          }
          const { thinned, trash, excluded, classes } = views[0]![0]!.counts();
          seen.thinned += thinned;
          seen.trash += trash;
          seen.excluded += excluded;
          seen.holdout += classes.reduce((sum, { holdout }) => sum + holdout, 0);
        }
        withoutCounts(database);
        database.reopen();
        for (const store of views[0]!) compare(database, store, since);
      } finally {
        for (const each of opened) each.database.close();
      }
    }),
    // A shorter sequence would say little more, and looking for one takes long.
    { numRuns: 40, endOnFailure: true },
  );
  assert.ok(
    Object.values(seen).every((times) => times > 0),
    JSON.stringify(seen),
  );
});

describe('the kept counts', () => {
  test('hold for a sample whose row goes with everything that refers to it', (t) => {
    const { store, database } = temporaryStore(t, { holdoutShare: 0 });
    const gates = store.forTask('gates');
    const { sample } = store.admit(newSample('1', { label: 'weed' }));
    gates.adopt(sample.id, { label: null, labelSource: null });
    gates.change(sample.id, { state: 'trash' }, 'cli');
    assert.deepEqual([store.counts().labelled, gates.counts().trash], [1, 1]);
    database.prepare('DELETE FROM samples WHERE id = ?').run(sample.id);
    compare(database, store, 0);
    assert.deepEqual([store.counts().total, store.labels(), gates.counts().trash], [0, [], 0]);
    assert.deepEqual(database.prepare('SELECT * FROM class_groups').all(), []);
  });

  test('count a picture as thinned out until it is put back', (t) => {
    const { store, database, path } = temporaryStore(t, {
      maxPictureStoreBytes: 3 * PICTURE_BYTES,
      minPicturesPerClass: 1,
    });
    const names = ['00', '01', '02', '03'];
    for (const name of names) {
      const { sample } = store.admit(newSample(name, { label: 'weed' }));
      const key = { sampleId: sample.id, backboneChecksum: CHECKSUM, recipe: '', view: 0 };
      store.putFeatures([{ ...key, features: Float32Array.of(1) }]);
    }
    compare(database, store, 0);
    assert.equal(store.counts().thinned, 1);
    const roomy = openStore(path);
    t.after(() => roomy.database.close());
    const [thinned] = store.list().filter(({ pictureBytes }) => pictureBytes === 0);
    const restored = names.filter((name) =>
      roomy.store.restorePicture(thinned!.id, newSample(name).jpeg),
    );
    assert.equal(restored.length, 1);
    assert.equal(store.counts().thinned, 0);
    compare(database, store, 0);
  });

  test('follow the side of a group, whoever writes it', (t) => {
    const { store, database } = temporaryStore(t, { holdoutShare: 0 });
    store.admit(newSample('1', { label: 'weed', group: 'a' }));
    store.admit(newSample('2', { label: 'weed', group: 'a' }));
    store.admit(newSample('3', { label: 'weed', group: 'b' }));
    const sides = () => {
      const [weed] = store.counts().classes;
      return [weed!.training, weed!.holdout, weed!.groups, weed!.holdoutGroups];
    };
    assert.deepEqual(sides(), [3, 0, 2, 0]);
    database.exec("UPDATE task_groups SET holdout = 1 WHERE name = 'a'");
    assert.deepEqual(sides(), [1, 2, 2, 1]);
    database.exec("DELETE FROM task_groups WHERE name = 'a'");
    assert.deepEqual(sides(), [3, 0, 2, 0]);
    database.exec("INSERT INTO task_groups VALUES ('main', 'a', 1, 0, 0)");
    assert.deepEqual(sides(), [1, 2, 2, 1]);
    compare(database, store, 0);
  });

  test('begin anew with another file', (t) => {
    const { store, database, path } = temporaryStore(t);
    const { sample } = store.admit(newSample('1', { label: 'weed' }));
    assert.equal(store.labelCountSince(0), 1);
    const other = openDatabase(path);
    // A restored backup: the same revision, another label before it.
    other.exec('DROP TRIGGER label_history_stays');
    other.prepare("UPDATE label_history SET old_label = 'weed' WHERE sample_id = ?").run(sample.id);
    other.close();
    database.reopen();
    assert.equal(store.labelCountSince(0), 0);
  });

  test('follow more changes than are followed one by one', (t) => {
    const { store, database } = temporaryStore(t);
    const ids = Array.from({ length: 4 }, (_, i) => store.admit(newSample(`${i}`)).sample.id);
    assert.equal(store.labelCountSince(0), 0);
    store.batch(() => {
      for (let i = 0; i < 1_100; i++) store.label(ids[i % 3]!, `class ${i % 2}`, 'cli');
    });
    compare(database, store, 0);
    assert.equal(store.labelCountSince(0), 3);
  });
});
