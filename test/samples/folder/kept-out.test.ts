import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exportFolder } from '../../../src/samples/folder/export-folder.js';
import { importFolder } from '../../../src/samples/folder/import-folder.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { temporaryStore } from '../support.js';
import { importInto, LIMITS, pictureFolder } from './support.js';

const DIVIDED = [
  'train/weed/1.jpg',
  'train/weed/2.jpg',
  'train/crop/3.jpg',
  'train/crop/4.jpg',
  'valid/weed/5.jpg',
  'test/weed/6.jpg',
  'test/crop/7.jpg',
  'test/soil/8.jpg',
];
/** A class needs so many samples before any is held out by itself: never, here. */
const SPARING = { holdoutAfterSamples: 1_000 };

test('the given test part stays held out, whatever its classes need', async (t) => {
  const dir = await pictureFolder(t, DIVIDED);
  const { store } = temporaryStore(t, SPARING);
  const report = await importFolder(store, dir, {
    limits: LIMITS,
    keepSplit: true,
    minLabelsPerClass: 2,
  });
  assert.equal(report.keptOut, 3);
  const held = store.list({ holdout: true });
  assert.deepEqual(held.map(({ origin }) => origin).sort(), [
    'test/crop/7.jpg',
    'test/soil/8.jpg',
    'test/weed/6.jpg',
  ]);
  // A class that is held out alone is named.
  const small = report.warnings.filter(({ code }) => code === 'HL_IMPORT_CLASS_SMALL');
  assert.deepEqual(
    small.map(({ message }) => message),
    [
      'class "soil" has 0 pictures for training and 1 in the holdout; training leaves it out until there are 2',
    ],
  );
  // Neither a new label nor the end of an import takes it back.
  store.label(held[0]!.id, 'stone', 'cli');
  store.settleHoldout();
  assert.equal(store.list({ holdout: true }).length, 3);

  const exported = join(temporaryFolder(t), 'out');
  await exportFolder(store, exported);
  const fresh = temporaryStore(t, SPARING).store;
  await importFolder(fresh, exported, { limits: LIMITS });
  assert.deepEqual(
    fresh.list({ holdout: true }).map(({ kept }) => kept),
    [true, true, true],
  );
});

test('without a test part the validation part is kept; without the wish nothing is', async (t) => {
  const dir = await pictureFolder(t, DIVIDED.slice(0, 5));
  const kept = await importInto(t, dir, { keepSplit: true });
  assert.equal(kept.report.keptOut, 1);
  const { store } = temporaryStore(t, SPARING);
  const report = await importFolder(store, dir, { limits: LIMITS });
  assert.equal(report.keptOut, 0);
  assert.deepEqual(store.list({ holdout: true }), []);
  assert.match(report.warnings.at(-1)!.message, /--keep-split keeps it out of training/);
  const undivided = await importInto(t, await pictureFolder(t, ['weed/1.jpg']), {
    keepSplit: true,
  });
  assert.match(undivided.report.warnings[0]!.message, /no test or validation part/);
});

test('a picture that is in two parts is never trained on', async (t) => {
  const dir = await pictureFolder(t, DIVIDED);
  copyFileSync(join(dir, 'train/weed/1.jpg'), join(dir, 'test/weed/copy.jpg'));
  const { store, report, codes } = await importInto(t, dir, { keepSplit: true });
  assert.ok(codes.includes('HL_IMPORT_SPLIT_OVERLAP'));
  assert.deepEqual([report.duplicates, report.keptOut], [1, 4]);
  assert.equal(store.list().filter(({ kept, holdout }) => kept && holdout).length, 4);
});

test('what was imported before is only kept out with new groups', async (t) => {
  const dir = await pictureFolder(t, DIVIDED);
  const { store } = temporaryStore(t, SPARING);
  await importFolder(store, dir, { limits: LIMITS });
  const late = await importFolder(store, dir, { limits: LIMITS, keepSplit: true });
  assert.deepEqual([late.imported, late.keptOut], [0, 0]);
  assert.equal(late.warnings.filter(({ code }) => code === 'HL_IMPORT_NOT_KEPT_OUT').length, 3);
  const again = await importFolder(store, dir, { limits: LIMITS, keepSplit: true, regroup: true });
  assert.deepEqual([again.imported, again.keptOut], [0, 3]);
  assert.equal(store.list({ holdout: true }).length, 3);
});

test('new groups for what is stored: a way out of groups that were wrong', async (t) => {
  const dir = await pictureFolder(t, ['weed/a1.jpg', 'weed/a2.jpg', 'crop/b1.jpg', 'crop/b2.jpg']);
  const { store } = temporaryStore(t);
  const first = await importFolder(store, dir, { limits: LIMITS, groupPattern: '(jpg)' });
  assert.equal(first.groups, 1);
  const unchanged = await importFolder(store, dir, { limits: LIMITS, groupPattern: '([ab])[0-9]' });
  assert.deepEqual([unchanged.groups, unchanged.groupedBy], [1, 'known']);
  const again = await importFolder(store, dir, {
    limits: LIMITS,
    groupPattern: '([ab])[0-9]',
    regroup: true,
  });
  assert.deepEqual([again.groups, again.groupedBy, again.imported], [2, 'pattern', 0]);
  assert.deepEqual([...new Set(store.list().map(({ group }) => group))].sort(), ['a', 'b']);
  assert.equal(
    store.counts().classes.reduce((sum, { training, holdout }) => sum + training + holdout, 0),
    4,
  );
});

test('groups by folder: a day or a field, but not where a class has only one', async (t) => {
  const dir = await pictureFolder(t, [
    'weed/monday/1.jpg',
    'weed/tuesday/2.jpg',
    'crop/monday/3.jpg',
    'crop/tuesday/images/4.jpg',
    'soil/5.jpg',
    'stone/monday/6.jpg',
    'stone/monday/7.jpg',
  ]);
  const { store, report } = await importInto(t, dir);
  assert.equal(report.groupedBy, 'folder');
  const groups = new Map(store.list().map(({ origin, group }) => [origin, group]));
  assert.equal(groups.get('weed/monday/1.jpg'), 'folder-monday');
  assert.equal(groups.get('crop/monday/3.jpg'), 'folder-monday');
  assert.equal(groups.get('crop/tuesday/images/4.jpg'), 'folder-tuesday');
  assert.match(groups.get('soil/5.jpg')!, /^similar-/);
  assert.match(groups.get('stone/monday/6.jpg')!, /^similar-/);
});

test('a group name that is too long, or of several lines, is kept short and on one', async (t) => {
  const dir = await pictureFolder(t, [
    `weed/${'x'.repeat(200)}/${'y'.repeat(200)}1.jpg`,
    'weed/a\nb.jpg',
  ]);
  const { store } = await importInto(t, dir, { groupPattern: '([^]*)' });
  for (const { group } of store.list()) {
    assert.ok(group.length <= 200 && !/[\n\r]/.test(group), group);
  }
});
