import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type ExportOptions, exportFolder } from '../../../../src/samples/folder/export-folder.js';
import type { ImportOptions } from '../../../../src/samples/folder/import-folder.js';
import { exportTasks } from '../../../../src/samples/folder/tasks/export-tasks.js';
import { importTasks } from '../../../../src/samples/folder/tasks/import-tasks.js';
import { TASKS_FILE } from '../../../../src/samples/folder/tasks/tasks-file.js';
import type { SampleStore } from '../../../../src/samples/store.js';
import { hasCode } from '../../../errors.js';
import { temporaryFolder } from '../../../temporary-folder.js';
import { jpeg, timedJpeg } from '../../pictures.js';
import { temporaryStore } from '../../support.js';
import { LIMITS, pictureFolder } from '../support.js';

/** A robot that asks two questions; where one task holds out few groups, the other does many. */
function twoTasks(t: TestContext, share = 0.5, holdoutAfterSamples = 0): SampleStore[] {
  const { store } = temporaryStore(t);
  return [
    store.forTask('weeds', { holdoutShare: share, holdoutAfterSamples }),
    store.forTask('gate', { holdoutShare: share && 1 - share, holdoutAfterSamples }),
  ];
}

function importInto(
  stores: readonly SampleStore[],
  dir: string,
  chosen: string | null = null,
  options: Partial<ImportOptions> = {},
) {
  const targets = stores.map((samples) => ({ samples, minLabelsPerClass: 0 }));
  const choice = { chosen, named: true };
  return importTasks(targets, dir, choice, { limits: LIMITS, ...options });
}

/** Labels by the name of the imported file. */
function labels(store: SampleStore): Record<string, string | null> {
  return Object.fromEntries(store.list().map(({ origin, label }) => [origin, label]));
}

const TABLE = `file,weeds,gate,group,split
a.jpg,crop,open,north,train
b.jpg,weed,,north,train
c.jpg,,shut,south,test
d.jpg,,,south,test
`;
const PICTURES = ['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg'];

describe('a table with a column for each task', () => {
  const formats: [file: string, text: string][] = [
    ['labels.csv', TABLE],
    ['labels.tsv', TABLE.replaceAll(',', '\t')],
    [
      'labels.jsonl',
      '{"file":"a.jpg","weeds":"crop","gate":"open"}\n{"file":"b.jpg","weeds":"weed","gate":null}\n{"file":"c.jpg","weeds":"","gate":"shut"}\n{"file":"d.jpg"}\n',
    ],
  ];
  for (const [file, text] of formats) {
    test(`gives a picture of ${file} each label in its task, and stores it once`, async (t) => {
      const dir = await pictureFolder(t, PICTURES, { [file]: text });
      const stores = twoTasks(t);
      const [weeds, gate] = stores as [SampleStore, SampleStore];
      const reports = await importInto(stores, dir);
      assert.deepEqual([...reports.keys()], ['weeds', 'gate']);
      assert.deepEqual(labels(weeds), { 'a.jpg': 'crop', 'b.jpg': 'weed' });
      assert.deepEqual(labels(gate), { 'a.jpg': 'open', 'c.jpg': 'shut' });
      const shared = gate.list().find(({ origin }) => origin === 'a.jpg')!;
      assert.deepEqual([shared.multiplicity, shared.labelSource], [1, 'import']);
      assert.equal(weeds.get(shared.id)?.label, 'crop');
      assert.deepEqual(
        [...reports.values()].map(({ imported, duplicates }) => [imported, duplicates]),
        [
          [2, 0],
          [2, 0],
        ],
      );
      const [left] = reports.get('weeds')!.leftOut;
      assert.deepEqual(left?.examples, ['d.jpg'], 'only a picture without any label is left out');

      await importInto(stores, dir);
      assert.equal(weeds.list()[0]?.multiplicity, 1);
      assert.deepEqual(labels(gate), { 'a.jpg': 'open', 'c.jpg': 'shut' });
    });
  }

  test('names the groups, and the part that is kept out', async (t) => {
    const dir = await pictureFolder(t, PICTURES, { 'labels.csv': TABLE });
    const stores = twoTasks(t, 0);
    await importInto(stores, dir, null, { keepSplit: true });
    const facts = (store: SampleStore) =>
      store.list().map(({ origin, group, kept, holdout }) => [origin, group, kept, holdout]);
    assert.deepEqual(facts(stores[0]!), [
      ['a.jpg', 'north', false, false],
      ['b.jpg', 'north', false, false],
    ]);
    assert.deepEqual(facts(stores[1]!), [
      ['a.jpg', 'north', false, false],
      ['c.jpg', 'kept-south', true, true],
    ]);
  });

  test('is read for one task alone, and wins over folders that are no classes', async (t) => {
    const dir = await pictureFolder(t, ['front/a.jpg', 'rear/b.jpg'], {
      'labels.csv': 'file,weeds,gate\na.jpg,crop,open\nb.jpg,weed,shut\n',
    });
    const stores = twoTasks(t);
    await importInto(stores, dir, 'gate');
    assert.deepEqual(stores[0]!.list(), []);
    assert.deepEqual(labels(stores[1]!), { 'front/a.jpg': 'open', 'rear/b.jpg': 'shut' });
  });

  test('names columns that are read for no task', async (t) => {
    const dir = await pictureFolder(t, ['a.jpg'], {
      'labels.csv': 'file,weeds,gat,captured_at\na.jpg,crop,open,2024\n',
    });
    const reports = await importInto(twoTasks(t), dir);
    assert.deepEqual([...reports.keys()], ['weeds']);
    const note = reports
      .get('weeds')!
      .warnings.find(({ code }) => code === 'HL_IMPORT_ANNOTATION_INVALID');
    assert.match(note!.message, /^labels\.csv .*: "gat"\. The tasks are: weeds, gate$/);
  });

  test('is refused when no column is named as a task, before anything is stored', async (t) => {
    const stores = twoTasks(t);
    const odd = await pictureFolder(t, ['a.jpg'], {
      'labels.csv': 'file,weds,gat\na.jpg,crop,x\n',
    });
    await assert.rejects(importInto(stores, odd), (error: Error) => {
      assert.match(error.message, /weeds, gate; labels\.csv .*: "weds", "gat"/);
      return hasCode('HL_TASK_MISSING')(error);
    });
    const classes = await pictureFolder(t, ['weed/a.jpg', 'crop/b.jpg']);
    await assert.rejects(importInto(stores, classes), hasCode('HL_TASK_MISSING'));
    const all = importInto(stores, classes, null, { label: 'weed' });
    await assert.rejects(all, hasCode('HL_TASK_MISSING'));
    assert.deepEqual(stores[0]!.tasks(), []);
    await importInto(stores, classes, 'gate');
    assert.deepEqual(stores[1]!.labels(), ['crop', 'weed']);
  });

  test('is an ordinary table for a robot without named tasks', async (t) => {
    const dir = await pictureFolder(t, ['a.jpg'], {
      'labels.csv': 'file,main,label\na.jpg,wrong,crop\n',
    });
    const { store } = temporaryStore(t);
    const targets = [{ samples: store, minLabelsPerClass: 0 }];
    const choice = { chosen: null, named: false };
    const reports = await importTasks(targets, dir, choice, { limits: LIMITS });
    assert.deepEqual(labels(store), { 'a.jpg': 'crop' });
    assert.doesNotMatch(JSON.stringify([...reports.values()]), /task/);
  });
});

test('new pictures join the group of those that another task stored in the same moment', async (t) => {
  const stores = twoTasks(t);
  const at = Date.UTC(2026, 4, 1, 12);
  const [first, second] = await Promise.all([timedJpeg(1, at), timedJpeg(2, at + 1_000)]);
  const weeds = await pictureFolder(t, [], { 'weed/a.jpg': first });
  await importInto(stores, weeds, 'weeds', { gapMs: 30_000 });
  const gate = await pictureFolder(t, [], { 'open/b.jpg': second });
  await importInto(stores, gate, 'gate', { gapMs: 30_000 });
  const third = await timedJpeg(3, at + 2_000);
  const later = await pictureFolder(t, [], { 'open/a.jpg': first, 'open/c.jpg': third });
  await importInto(stores, later, 'gate', { gapMs: 30_000 });
  const groups = stores.flatMap((store) => store.list().map(({ group }) => group));
  assert.deepEqual(new Set(groups).size, 1, groups.join(', '));
  assert.equal(groups.length, 4);
});

const picture = async (i: number) => ({
  jpeg: await jpeg(i),
  dhash: 'fedcba9876543210',
  origin: `${i}.jpg`,
  group: `pass-${i >> 1}`,
  source: 'front',
  capturedAtMs: 1_700_000_000_000 + i,
});

/** Two tasks over some of the same pictures, with several groups on either side. */
async function filled(t: TestContext): Promise<SampleStore[]> {
  const stores = twoTasks(t, 0.5, 1);
  const [weeds, gate] = stores as [SampleStore, SampleStore];
  const ids: string[] = [];
  for (let i = 0; i < 9; i++) {
    const label = i % 2 ? 'weed' : 'crop';
    const { sample } = weeds.admit({ ...(await picture(i)), label, labelSource: 'mqtt' });
    ids.push(sample.id);
  }
  // The first labels, which are for training, are of the last pictures: an import meets them last.
  for (let i = 8; i > 3; i--) gate.label(ids[i]!, i % 2 ? 'open' : 'shut', 'console');
  gate.adopt(ids[2]!, { label: null, labelSource: null });
  for (let i = 9; i < 11; i++) {
    gate.admit({ ...(await picture(i)), label: 'open', labelSource: 'cli' });
  }
  gate.admit({ ...(await picture(11)), label: null, labelSource: null });
  return stores;
}

/** All but ids and the hash, which is computed again. */
const essence = (store: SampleStore) =>
  store
    .list()
    .map(({ id: _id, dhash: _dhash, ...rest }) => rest)
    .sort((a, b) => (a.pictureSha256 < b.pictureSha256 ? -1 : 1));

describe('an export of several tasks', () => {
  const formats: ExportOptions[] = [
    { format: 'folder', includeWaiting: true },
    { format: 'csv', includeWaiting: true },
    { format: 'label-studio', includeWaiting: true },
    { format: 'cvat', includeWaiting: true },
    { format: 'edge-impulse', includeWaiting: true },
    { format: 'coco' },
    { format: 'yolo' },
  ];
  for (const options of formats) {
    test(`as ${options.format} comes back whole for each of them`, async (t) => {
      const stores = await filled(t);
      const dir = join(temporaryFolder(t), 'field');
      const exported = await exportTasks(stores, dir, options);
      assert.deepEqual(
        [...exported].map(([task, { samples, waiting }]) => [task, samples, waiting]),
        options.includeWaiting
          ? [
              ['weeds', 9, 0],
              ['gate', 9, 2],
            ]
          : [
              ['weeds', 9, 0],
              ['gate', 7, 0],
            ],
      );
      // Other shares: the sides must come from the export.
      const fresh = twoTasks(t, 0.02, 1);
      const reports = await importInto(fresh, dir);
      for (const [i, store] of fresh.entries()) {
        const expected = essence(stores[i]!).filter(
          ({ label }) => options.includeWaiting || label !== null,
        );
        assert.deepEqual(essence(store), expected, store.task);
        assert.equal(reports.get(store.task)?.imported, expected.length);
      }
      assert.notDeepEqual(
        fresh[0]!.list({ holdout: true }).map(({ origin }) => origin),
        fresh[1]!.list({ holdout: true }).map(({ origin }) => origin),
      );
      assert.ok(fresh.every((store) => store.list({ holdout: true }).length > 0));
    });
  }

  test('writes a picture of several tasks once', async (t) => {
    const stores = await filled(t);
    const dir = join(temporaryFolder(t), 'field');
    await exportTasks(stores, dir);
    const { id, label } = stores[1]!.list({ labelled: true })[0]!;
    const { label: other } = stores[0]!.get(id)!;
    const [one, two] = [join(dir, 'weeds', other!), join(dir, 'gate', label!)].map((folder) =>
      statSync(join(folder, `${id}.jpg`)),
    );
    assert.equal(one!.ino, two!.ino);
    assert.deepEqual(readdirSync(join(dir, '..')), ['field']);
  });

  test('is imported for one task, or refused for tasks that the robot does not have', async (t) => {
    const stores = await filled(t);
    const dir = join(temporaryFolder(t), 'field');
    await exportTasks(stores, dir);
    const fresh = twoTasks(t);
    await importInto(fresh, dir, 'gate');
    assert.deepEqual(fresh[0]!.tasks(), ['gate']);
    const { store } = temporaryStore(t);
    await assert.rejects(
      importInto([store.forTask('weeds'), store.forTask('door')], dir),
      (error: Error) => {
        assert.match(error.message, /weeds, gate.*weeds, door/);
        return hasCode('HL_TASK_UNKNOWN')(error);
      },
    );
    assert.deepEqual(store.tasks(), []);
    const door = [store.forTask('weeds'), store.forTask('door')];
    await importInto(door, join(dir, 'gate'), 'door');
    assert.deepEqual(store.forTask('door').labels(), ['open', 'shut']);
  });

  test('without samples for a task leaves that task alone', async (t) => {
    const stores = twoTasks(t);
    stores[1]!.admit({ ...(await picture(1)), label: 'open', labelSource: 'cli' });
    const dir = join(temporaryFolder(t), 'field');
    await exportTasks(stores, dir);
    const fresh = twoTasks(t);
    const reports = await importInto(fresh, dir);
    assert.deepEqual([...reports.keys()], ['gate']);
  });

  test('with a damaged list of tasks is refused', async (t) => {
    const stores = await filled(t);
    const dir = join(temporaryFolder(t), 'field');
    await exportTasks(stores, dir);
    for (const text of ['{', '{"schema":1,"tasks":["../etc"]}', '{"schema":2,"tasks":[]}']) {
      writeFileSync(join(dir, TASKS_FILE), text);
      await assert.rejects(importInto(twoTasks(t), dir), hasCode('HL_IMPORT_TASKS_INVALID'));
    }
  });

  test('leaves nothing behind when a format cannot hold it', async (t) => {
    const stores = await filled(t);
    const dir = join(temporaryFolder(t), 'field');
    const yolo = { format: 'yolo', includeWaiting: true } as const;
    await assert.rejects(exportTasks(stores, dir, yolo), hasCode('HL_EXPORT_WAITING'));
    assert.equal(existsSync(dir), false);
    assert.deepEqual(readdirSync(join(dir, '..')), []);
    await assert.rejects(exportFolder(stores[0]!, dir, yolo), hasCode('HL_EXPORT_WAITING'));
  });
});
