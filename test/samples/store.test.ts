import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { isHoldoutGroup } from '../../src/samples/holdout.js';
import type { Sample } from '../../src/samples/sample.js';
import type { SampleStore } from '../../src/samples/store.js';
import { SAMPLE_TABLES } from '../../src/samples/tables.js';
import { openDatabase } from '../../src/storage/database.js';
import { migrate } from '../../src/storage/migrate.js';
import { hasCode } from '../errors.js';
import { temporaryFolder } from '../temporary-folder.js';
import { newSample, openStore, temporaryStore } from './support.js';

test('a sample comes back whole, also after a restart', (t) => {
  const path = join(temporaryFolder(t), 'headland.db');
  const first = openStore(path, { now: () => 5_000 });
  const given = newSample('a', { label: ' weed ', labelSource: 'mqtt', origin: 'weed/ä 1.jpg' });
  const { sample, duplicate } = first.store.admit(given);
  assert.equal(duplicate, false);
  const { id, pictureSha256, ...rest } = sample;
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.match(pictureSha256, /^[0-9a-f]{64}$/);
  assert.deepEqual(rest, {
    state: 'labelled',
    label: 'weed',
    labelSource: 'mqtt',
    labelledAtMs: 5_000,
    group: 'group-1',
    holdout: isHoldoutGroup('group-1', 0.2),
    kept: false,
    source: 'main',
    capturedAtMs: 1_700_000_000_000,
    origin: 'weed/ä 1.jpg',
    dhash: '0123456789abcdef',
    pictureBytes: given.jpeg.length,
    multiplicity: 1,
    position: null,
  });
  first.database.close();
  const { database, store } = openStore(path);
  t.after(() => database.close());
  assert.deepEqual(store.get(id), sample);
  assert.deepEqual(store.findPicture(pictureSha256), sample);
  assert.deepEqual(Buffer.from(store.picture(id)!), given.jpeg);
  assert.equal(store.get('no'), null);
  assert.equal(store.picture('no'), null);
});

test('the same picture counts up, takes a late label, and a differing label wins', (t) => {
  const { store } = temporaryStore(t);
  const { sample } = store.admit(newSample('a'));
  const again = store.admit(newSample('a', { label: 'weed', group: 'other', source: 'import' }));
  assert.equal(again.duplicate, true);
  assert.deepEqual(again.sample, {
    ...sample,
    label: 'weed',
    state: 'labelled',
    labelSource: 'cli',
    labelledAtMs: again.sample.labelledAtMs,
    multiplicity: 2,
  });
  assert.equal(store.admit(newSample('a')).sample.label, 'weed');
  assert.equal(store.admit(newSample('a', { label: 'crop' })).sample.label, 'crop');
  assert.equal(store.get(sample.id)?.multiplicity, 4);
  assert.deepEqual(
    store.labelHistory(sample.id).map(({ oldLabel, newLabel }) => [oldLabel, newLabel]),
    [
      [null, 'weed'],
      ['weed', 'crop'],
    ],
  );
  assert.equal(store.counts().total, 1);
});

test('near-duplicates count up when asked for, but never across labels or sources', (t) => {
  const { store } = temporaryStore(t, { nearDuplicateBits: 3 });
  const { sample } = store.admit(newSample('a', { label: 'weed', dhash: '0000000000000000' }));
  const near = (content: string, dhash: string, more = {}) =>
    store.admit(newSample(content, { dhash, ...more }));
  assert.equal(near('b', '8000000000000003').sample.id, sample.id);
  assert.equal(near('c', '8000000000000007').duplicate, false);
  assert.equal(near('d', '0100000000000000', { label: 'crop' }).duplicate, false);
  assert.equal(near('e', '0000000000000001', { source: 'rear' }).duplicate, false);
  assert.equal(store.get(sample.id)?.multiplicity, 2);
  const exact = temporaryStore(t).store;
  exact.admit(newSample('a'));
  assert.equal(exact.admit(newSample('b')).duplicate, false);
});

test('labels: normalised, counted by revision, idempotent, refused when impossible', (t) => {
  const { store } = temporaryStore(t);
  const { id } = store.admit(newSample('a')).sample;
  assert.equal(store.labelRevision(), 0);
  assert.equal(store.label(id, ' cafe\u0301', 'console').label, 'caf\u00e9');
  assert.equal(store.label(id, 'caf\u00e9', 'mqtt').labelSource, 'console');
  assert.equal(store.labelRevision(), 1);
  store.label(id, 'tea', 'mqtt');
  assert.equal(store.labelRevision(), 2);
  assert.deepEqual(
    store.labelsSince(1).map(({ sampleId, newLabel, source }) => [sampleId, newLabel, source]),
    [[id, 'tea', 'mqtt']],
  );
  assert.throws(() => store.label('nobody', 'weed', 'cli'), hasCode('HL_SAMPLE_UNKNOWN'));
  assert.throws(() => store.label(id, 'a/b', 'cli'), hasCode('HL_LABEL_INVALID'));
  assert.throws(() => store.admit(newSample('b', { label: '' })), hasCode('HL_LABEL_INVALID'));
  store.remove([id], 'cli');
  store.emptyTrash();
  assert.throws(() => store.remove([id], 'cli'), hasCode('HL_SAMPLE_UNKNOWN'));
  assert.equal(store.labelRevision(), 3);
  assert.deepEqual(
    store.labelHistory(id).map(({ newLabel }) => newLabel),
    ['caf\u00e9', 'tea', null],
  );
});

test('what cannot be trusted later is refused', (t) => {
  const { store } = temporaryStore(t);
  for (const bad of [
    { jpeg: new Uint8Array(0) },
    { group: '' },
    { group: 'g'.repeat(257) },
    { source: 'a\0b' },
    { origin: '' },
    { capturedAtMs: 1.5 },
    { dhash: 'xyz' },
    { label: 'weed', labelSource: null },
  ]) {
    assert.throws(() => store.admit(newSample('a', bad)), hasCode('HL_SAMPLE_INVALID'));
  }
  assert.equal(store.counts().total, 0);
});

test('a group stays where its first label put it when the share changes', (t) => {
  const path = join(temporaryFolder(t), 'headland.db');
  const names = Array.from({ length: 40 }, (_, i) => `group ${i}`);
  const first = openStore(path, { holdoutShare: 0.2 });
  const taught = (content: string, group: string) => newSample(content, { group, label: 'weed' });
  const before = names.map((group) => first.store.admit(taught(group, group)).sample);
  assert.deepEqual(
    before.map(({ holdout }) => holdout),
    names.map((group) => isHoldoutGroup(group, 0.2)),
  );
  first.store.remove(
    before.map(({ id }) => id),
    'cli',
  );
  first.store.emptyTrash();
  first.database.close();
  const { database, store } = openStore(path, { holdoutShare: 0.5 });
  t.after(() => database.close());
  const after = names.map((group) => store.admit(taught(`${group} again`, group)).sample);
  assert.deepEqual(
    after.map(({ holdout }) => holdout),
    before.map(({ holdout }) => holdout),
  );
  assert.equal(
    store.admit(taught('new', 'group 40')).sample.holdout,
    isHoldoutGroup('group 40', 0.5),
  );
});

/** Labels of groups of one sample each, in the order of arrival; the store as it is afterwards. */
function teach(store: SampleStore, label: string, groups: readonly string[]): void {
  for (const group of groups) store.admit(newSample(`${label} ${group}`, { group, label }));
}

const chosen = (prefix: string): string[] =>
  Array.from({ length: 400 }, (_, i) => `${prefix}${i}`).filter((g) => isHoldoutGroup(g, 0.2));

test('no class gives a sample away before it has enough to learn from', (t) => {
  const { store } = temporaryStore(t, { holdoutAfterSamples: 20 });
  const groups = Array.from({ length: 100 }, (_, i) => `pass ${i}`);
  teach(store, 'weed', groups);
  const weeds = store.list({ label: 'weed' });
  const firstHeld = weeds.findIndex(({ holdout }) => holdout);
  assert.ok(firstHeld >= 20);
  assert.deepEqual(
    weeds.slice(firstHeld).map(({ holdout }) => holdout),
    weeds.slice(firstHeld).map(({ group }) => isHoldoutGroup(group, 0.2)),
  );
  teach(store, 'crop', chosen('field ').slice(0, 20));
  assert.equal(store.list({ label: 'crop', holdout: true }).length, 0);
});

test('a frame that waits is not held out, its group with its first label is', (t) => {
  const { store } = temporaryStore(t);
  const [group] = chosen('pass ') as [string];
  const { sample } = store.admit(newSample('waits', { group }));
  const { sample: beside } = store.admit(newSample('beside', { group }));
  assert.equal(sample.holdout, false);
  assert.equal(store.label(sample.id, 'weed', 'cli').holdout, true);
  assert.equal(store.get(beside.id)?.holdout, true, 'frames of one pass stay together');
});

test('a small class takes a held-out group back, and what was learnt is never held out', (t) => {
  const { store } = temporaryStore(t, { holdoutAfterSamples: 5 });
  const [early, late] = chosen('pass ') as [string, string];
  teach(store, 'weed', [early, 'a', 'b', 'c', 'd', late]);
  assert.deepEqual(
    store.list({ holdout: true }).map((sample) => sample.group),
    [late],
  );
  store.admit(newSample('more', { group: early, label: 'weed' }));
  assert.equal(store.list({ holdout: true }).length, 1, 'enough by now, but the group was learnt');
  const [held] = store.list({ holdout: true }) as [Sample];
  assert.equal(store.label(held.id, 'crop', 'console').holdout, false);
  assert.equal(store.label(held.id, 'weed', 'console').holdout, false, 'for good');
});

test('a store of the version before keeps what it held out, but for small classes', (t) => {
  const path = join(temporaryFolder(t), 'headland.db');
  const before = openDatabase(path);
  migrate(before, 'samples', SAMPLE_TABLES.slice(0, 1));
  let id = 0;
  const insert = (group: string, holdout: number, label: string | null): void => {
    id += 1;
    before
      .prepare('INSERT INTO sample_groups (name, exam) VALUES (?, ?) ON CONFLICT DO NOTHING')
      .run(group, holdout);
    before
      .prepare(
        `INSERT INTO samples (id, group_name, source, captured_at_ms, dhash, picture_sha256,
           picture_bytes, label, label_source, labelled_at_ms)
         VALUES (?, ?, 'main', 0, '0000000000000000', ?, 1, ?, ?, ?)`,
      )
      .run(`${id}`, group, `${id}`, label, label && 'cli', label && 0);
  };
  const [waiting] = chosen('waits ') as [string];
  for (let i = 0; i < 60; i++) insert(`large ${i}`, 0, 'large');
  for (let i = 0; i < 10; i++) insert(`held ${i}`, 1, 'large');
  for (let i = 0; i < 10; i++) insert(`small ${i}`, i % 2, 'small');
  insert('held 9', 1, 'small');
  insert(waiting, 1, null);
  before.close();
  const { database, store } = openStore(path);
  t.after(() => database.close());
  const classes = store
    .counts()
    .classes.map(({ label, training, holdout }) => [label, training, holdout]);
  assert.deepEqual(classes, [
    ['large', 61, 9],
    ['small', 11, 0],
  ]);
  const [frame] = store.list({ labelled: false }) as [Sample];
  assert.equal(frame.holdout, false);
  assert.equal(store.label(frame.id, 'large', 'cli').holdout, true, 'it was never learnt');
});

test('lists page in the order of admission and filter', (t) => {
  const { store } = temporaryStore(t, { holdoutShare: 0.4 });
  const ids = Array.from({ length: 25 }, (_, i) => {
    const label = i % 3 === 0 ? null : i % 3 === 1 ? 'weed' : 'crop';
    const source = i % 2 ? 'front' : 'rear';
    return store.admit(newSample(`${i}`, { label, group: `g${i % 7}`, source })).sample.id;
  });
  // As they stand now: the label of another frame decides about a group.
  const all = ids.map((id) => store.get(id)!);
  assert.deepEqual(store.list(), all);
  const paged = [];
  for (let afterId: string | undefined; ; ) {
    const page = store.list({ limit: 4, ...(afterId ? { afterId } : {}) });
    if (page.length === 0) break;
    paged.push(...page);
    afterId = page.at(-1)!.id;
  }
  assert.deepEqual(paged, all);
  assert.deepEqual(store.list({ order: 'newest', limit: 3 }), all.slice(-3).reverse());
  assert.deepEqual(store.list({ order: 'newest', limit: 2, afterId: all[3]!.id }), [
    all[2],
    all[1],
  ]);
  assert.deepEqual(
    store.list({ labelled: false }),
    all.filter((s) => s.label === null),
  );
  assert.deepEqual(
    store.list({ label: 'weed', holdout: true, source: 'front' }),
    all.filter((s) => s.label === 'weed' && s.holdout && s.source === 'front'),
  );
});

test('the oldest that wait go first; what has a label never goes', (t) => {
  const { store } = temporaryStore(t);
  const waiting = Array.from({ length: 6 }, (_, i) => store.admit(newSample(`${i}`)).sample.id);
  const { id } = store.admit(newSample('labelled', { label: 'weed' })).sample;
  store.label(waiting[0]!, 'crop', 'cli');
  assert.equal(store.removeOldestWaiting(2), 3);
  assert.deepEqual(
    store.list().map((s) => s.id),
    [waiting[0], waiting[4], waiting[5], id],
  );
  assert.equal(store.removeOldestWaiting(2), 0);
  assert.equal(store.removeOldestWaiting(0), 2);
});

test('the limit of the store holds, and room made is room again', (t) => {
  const bytes = newSample('0').jpeg.length;
  const { store } = temporaryStore(t, { maxPictureStoreBytes: 3 * bytes });
  const ids = [0, 1, 2].map((i) => store.admit(newSample(`${i}`)).sample.id);
  assert.throws(() => store.admit(newSample('3')), hasCode('HL_STORE_LIMIT'));
  assert.equal(store.admit(newSample('2', { label: 'weed' })).duplicate, true);
  store.remove([ids[0]!], 'cli');
  assert.equal(store.counts().pictureBytes, 3 * bytes, 'what is in the trash still takes room');
  store.admit(newSample('3'));
  assert.equal(store.counts().pictureBytes, 3 * bytes);
});

test('counts by class, side and group', (t) => {
  const { store } = temporaryStore(t);
  const groups = Array.from({ length: 30 }, (_, i) => `g${i}`);
  const holdout = groups.filter((g) => isHoldoutGroup(g, 0.2)).length;
  for (const group of groups) {
    store.admit(newSample(`1 ${group}`, { group, label: 'weed' }));
    store.admit(newSample(`2 ${group}`, { group, label: 'weed' }));
  }
  store.admit(newSample('c', { group: 'g0', label: 'crop' }));
  store.admit(newSample('w'));
  const { classes, pictureBytes, ...totals } = store.counts();
  assert.deepEqual(totals, {
    total: 62,
    labelled: 61,
    waiting: 1,
    excluded: 0,
    trash: 0,
    thinned: 0,
  });
  assert.ok(holdout > 0 && pictureBytes > 0);
  assert.equal(classes.length, 2);
  assert.deepEqual(classes[1], {
    label: 'weed',
    training: 60 - 2 * holdout,
    holdout: 2 * holdout,
    groups: 30,
    holdoutGroups: holdout,
  });
});

test('features: by backbone, recipe and view; missing ones are named; they go with their sample', (t) => {
  const { store, database } = temporaryStore(t, { holdoutShare: 0.2 });
  const trained = store.admit(newSample('a', { label: 'weed', group: 'g1' })).sample;
  const holdoutGroup = Array.from({ length: 99 }, (_, i) => `x${i}`).find((g) =>
    isHoldoutGroup(g, 0.2),
  )!;
  const holdout = store.admit(newSample('b', { label: 'weed', group: holdoutGroup })).sample;
  store.admit(newSample('waits'));
  assert.equal(trained.holdout, false);
  assert.deepEqual(store.missingFeatures('bb', 'r1', 2), [
    { sampleId: trained.id, views: [0, 1, 2] },
    { sampleId: holdout.id, views: [0] },
  ]);
  const features = Float32Array.of(0, 1, -0.5, 1 / 3);
  const row = { sampleId: trained.id, backboneChecksum: 'bb', recipe: '', view: 0, features };
  store.putFeatures([
    row,
    { ...row, recipe: 'r1', view: 2 },
    { ...row, recipe: 'r2', view: 1 },
    { ...row, backboneChecksum: 'other' },
    { ...row, sampleId: 'removed meanwhile' },
  ]);
  assert.deepEqual(store.missingFeatures('bb', 'r1', 2), [
    { sampleId: trained.id, views: [1] },
    { sampleId: holdout.id, views: [0] },
  ]);
  const rounded = Float32Array.of(0, 1, -0.5, 0.333251953125);
  assert.deepEqual(
    store.features([trained.id, holdout.id], 'bb', 'r1', 2),
    new Map([
      [trained.id, [rounded, null, rounded]],
      [holdout.id, [null, null, null]],
    ]),
  );
  store.putFeatures([{ ...row, features: Float32Array.of(9) }]);
  assert.deepEqual(store.features([trained.id], 'bb', '', 0).get(trained.id), [Float32Array.of(9)]);

  const inTable = () =>
    database.prepare<{ n: number }>('SELECT count(*) AS n FROM features').get()!.n;
  assert.equal(inTable(), 4);
  assert.equal(store.dropFeatures({ exceptBackbone: 'bb' }), 1);
  assert.equal(store.dropFeatures({ exceptBackbone: 'bb', exceptRecipe: 'r1' }), 1);
  assert.equal(inTable(), 2);
  store.remove([trained.id], 'cli');
  assert.equal(inTable(), 2);
  store.emptyTrash();
  assert.equal(inTable(), 0);
});

test('features that no head could learn from are refused, and none of their batch is kept', (t) => {
  const { store } = temporaryStore(t);
  const { id } = store.admit(newSample('a', { label: 'weed' })).sample;
  const row = {
    sampleId: id,
    backboneChecksum: 'b',
    recipe: '',
    view: 0,
    features: Float32Array.of(1),
  };
  for (const bad of [
    { features: new Float32Array(0) },
    { features: Float32Array.of(1, Number.NaN) },
    { features: Float32Array.of(70_000) },
    { view: -1 },
    { view: 1 },
    { recipe: 'r' },
  ]) {
    assert.throws(
      () => store.putFeatures([row, { ...row, ...bad }]),
      hasCode('HL_FEATURES_INVALID'),
    );
  }
  assert.deepEqual(store.features([id], 'b', '', 0).get(id), [null]);
});

test('a batch that fails is undone whole', (t) => {
  const { store } = temporaryStore(t);
  assert.throws(() =>
    store.batch(() => {
      store.admit(newSample('a', { label: 'weed' }));
      throw new Error('stop');
    }),
  );
  assert.deepEqual(store.counts(), {
    total: 0,
    labelled: 0,
    waiting: 0,
    excluded: 0,
    trash: 0,
    thinned: 0,
    pictureBytes: 0,
    classes: [],
  });
  assert.equal(store.batch(() => store.admit(newSample('a'))).duplicate, false);
});

test('two processes may use one store', (t) => {
  const { store, path } = temporaryStore(t);
  const other = openStore(path);
  t.after(() => other.database.close());
  const { id } = store.admit(newSample('a')).sample;
  other.store.label(id, 'weed', 'cli');
  assert.equal(store.get(id)?.label, 'weed');
  assert.equal(store.labelRevision(), 1);
  assert.equal(other.store.admit(newSample('a')).duplicate, true);
});
