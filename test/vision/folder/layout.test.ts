import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readFileName } from '../../../src/vision/folder/file-name.js';
import type { Folder } from '../../../src/vision/folder/folder-tree.js';
import { type Layout, readLayout } from '../../../src/vision/folder/layout.js';
import { isDate, isWrapper, splitOf } from '../../../src/vision/folder/splits.js';

/** A folder of pictures at these paths; a path that ends with "/" is an empty folder. */
function tree(paths: readonly string[]): Folder {
  const root: Folder = { path: Buffer.from('/'), folders: [], files: [], obstacles: [] };
  for (const path of paths) {
    const parts = path.split('/');
    const file = parts.pop()!;
    let at = root;
    for (const part of parts) {
      let child = at.folders.find(({ name }) => name.text === part);
      if (child === undefined) {
        const folder: Folder = { path: Buffer.from(part), folders: [], files: [], obstacles: [] };
        child = { name: readFileName(Buffer.from(part)), folder };
        at.folders.push(child);
      }
      at = child.folder;
    }
    if (file === '') continue;
    const isPicture = file.endsWith('.jpg');
    at.files.push({ name: readFileName(Buffer.from(file)), path: Buffer.from(path), isPicture });
  }
  return root;
}

/** Classes with the names of their pictures and their splits. */
function classes(layout: Layout): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { name, pictures } of layout.classes) {
    const list = pictures.map(
      (picture) => `${picture.name}${picture.split ? ` (${picture.split})` : ''}`,
    );
    found[name.text] = [...(found[name.text] ?? []), ...list];
  }
  return found;
}

const read = (...paths: string[]): Layout => readLayout(tree(paths));
const unclassed = (layout: Layout): string[] => layout.unclassed.map(({ name }) => name);

describe('class folders', () => {
  it('stand beside each other, however deep their pictures lie', () => {
    const layout = read('weed/1.jpg', 'weed/deep/er/2.jpg', 'crop/3.jpg', 'thistle/', '4.jpg');
    assert.deepEqual(classes(layout), {
      weed: ['weed/1.jpg', 'weed/deep/er/2.jpg'],
      crop: ['crop/3.jpg'],
      thistle: [],
    });
    assert.deepEqual(unclassed(layout), ['4.jpg']);
    assert.deepEqual([layout.splits, layout.unclear], [[], null]);
  });

  for (const [train, valid, test] of [
    ['train', 'valid', 'test'],
    ['Train', 'Val', 'Test'],
    ['TRAINING', 'VALIDATION', 'TESTING'],
    ['train2017', 'val2017', 'test2017'],
    ['train_set', 'dev-set', 'eval set'],
    ['train_images', 'val_images', 'test_images'],
  ] as const) {
    it(`are seen in ${train}, ${valid} and ${test}`, () => {
      const inside = (around: string) =>
        read(
          `${around}${train}/weed/1.jpg`,
          `${around}${train}/crop/2.jpg`,
          `${around}${valid}/weed/3.jpg`,
          `${around}${test}/crop/4.jpg`,
        );
      for (const around of ['', 'dataset/', 'my project-3/', 'data/images/']) {
        const layout = inside(around);
        assert.deepEqual(
          classes(layout),
          {
            weed: [
              `${around}${train}/weed/1.jpg (train)`,
              `${around}${valid}/weed/3.jpg (validation)`,
            ],
            crop: [`${around}${train}/crop/2.jpg (train)`, `${around}${test}/crop/4.jpg (test)`],
          },
          around,
        );
        assert.equal(layout.splits.length, 3);
      }
      const wrapped = read(`${train}/images/weed/1.jpg`, `${test}/images/crop/2.jpg`);
      assert.deepEqual(Object.keys(classes(wrapped)), ['weed', 'crop']);
      const within = read(`weed/${train}/1.jpg`, `weed/${test}/2.jpg`, `crop/${train}/3.jpg`);
      assert.deepEqual(classes(within), {
        weed: [`weed/${train}/1.jpg (train)`, `weed/${test}/2.jpg (test)`],
        crop: [`crop/${train}/3.jpg (train)`],
      });
    });
  }

  it('are seen in folds, and in folders of days', () => {
    assert.deepEqual(Object.keys(classes(read('fold0/weed/1.jpg', 'fold1/crop/2.jpg'))), [
      'weed',
      'crop',
    ]);
    const days = read('2024-05-01/weed/1.jpg', '2024-05-02/crop/2.jpg');
    assert.deepEqual(Object.keys(classes(days)), ['weed', 'crop']);
    assert.deepEqual(days.days, ['2024-05-01', '2024-05-02']);
  });

  it('are no splits, wrappers or days without classes inside', () => {
    for (const paths of [
      ['train/1.jpg', 'test/2.jpg'],
      ['train/1.jpg'],
      ['images/1.jpg'],
      ['train/images/1.jpg', 'valid/images/2.jpg'],
      ['images/train/1.jpg', 'images/val/2.jpg'],
      ['images/default/1.jpg'],
      ['images/1.jpg', 'masks/1.jpg'],
      ['images/1.jpg', 'train/2.jpg', '3.jpg'],
      ['DCIM/100CANON/1.jpg'],
      ['20240501/1.jpg', '20240502/2.jpg'],
      ['1.jpg', '2.jpg'],
    ]) {
      const layout = read(...paths);
      assert.deepEqual(classes(layout), {}, paths.join());
      assert.deepEqual(unclassed(layout).sort(), [...paths].sort());
    }
  });

  it('may be called like a split where that is a word', () => {
    const vehicles = read('train/1.jpg', 'car/2.jpg', 'bus/3.jpg');
    assert.deepEqual(Object.keys(classes(vehicles)).sort(), ['bus', 'car', 'train']);
    assert.deepEqual(vehicles.classesLikeSplits, ['train']);
    assert.deepEqual(Object.keys(classes(read('valid/1.jpg', 'invalid/2.jpg'))).sort(), [
      'invalid',
      'valid',
    ]);
    const inside = read('train/car/1.jpg', 'train/train/2.jpg', 'test/car/3.jpg');
    assert.deepEqual(Object.keys(classes(inside)), ['car', 'train']);
  });

  it('leave a test part without classes aside', () => {
    const kaggle = read('train/cat/1.jpg', 'train/dog/2.jpg', 'test/3.jpg');
    assert.deepEqual(Object.keys(classes(kaggle)), ['cat', 'dog']);
    assert.deepEqual(unclassed(kaggle), ['test/3.jpg']);
    const beside = read('cat/1.jpg', 'dog/2.jpg', 'test/3.jpg');
    assert.deepEqual(Object.keys(classes(beside)), ['cat', 'dog']);
    assert.deepEqual(unclassed(beside), ['test/3.jpg']);
    const images = read('train/cat/1.jpg', 'train/dog/2.jpg', 'images/3.jpg');
    assert.deepEqual(unclassed(images), ['images/3.jpg']);
  });

  it('are not guessed where two readings contradict each other', () => {
    const mixed = read('train/weed/1.jpg', 'train/crop/2.jpg', 'stones/3.jpg');
    assert.match(mixed.unclear?.message ?? '', /"train" looks like splits.*"stones" lies beside/);
    const same = read('train/weed/1.jpg', 'train/crop/2.jpg', 'Weed/3.jpg');
    assert.equal(same.unclear, null);
    const project = read('project/weed/1.jpg', 'project/crop/2.jpg');
    assert.match(project.unclear?.message ?? '', /one folder, "project"/);
    assert.deepEqual(project.unclear?.candidates, ['project']);
    assert.equal(read('weed/1.jpg', 'weed/day/2.jpg').unclear, null);
  });

  it('that all hold the same folders are noted', () => {
    const robots = read(
      'robot1/weed/1.jpg',
      'robot1/crop/2.jpg',
      'robot2/weed/3.jpg',
      'robot2/crop/4.jpg',
    );
    assert.deepEqual(robots.sharedInside, ['weed', 'crop']);
    assert.deepEqual(read('weed/a/1.jpg', 'weed/b/2.jpg', 'crop/a/3.jpg').sharedInside, []);
  });

  it('are all of them where a person says so', () => {
    const layout = readLayout(tree(['train/a/1.jpg', 'test/2.jpg', 'images/3.jpg']), true);
    assert.deepEqual(Object.keys(classes(layout)), ['train', 'test', 'images']);
  });
});

it('every picture is in a class or in none, once', () => {
  const part = fc.constantFrom(
    'train',
    'test',
    'weed',
    'crop',
    'images',
    '2024-05-01',
    'constructor',
    '__proto__',
  );
  const path = fc.array(part, { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(path, { maxLength: 12 }), fc.boolean(), (paths, always) => {
      const names = paths.map((parts, i) => [...parts, `${i}.jpg`].join('/'));
      const layout = readLayout(tree(names), always);
      if (layout.unclear !== null) return;
      const found = [...layout.classes.flatMap(({ pictures }) => pictures), ...layout.unclassed];
      assert.deepEqual(found.map(({ name }) => name).sort(), names.sort());
    }),
  );
});

it('names of splits, wrappers and days are told from those of classes', () => {
  for (const name of [
    'weed',
    'trained',
    'tester',
    'value',
    'valley',
    'imagery',
    'trainer',
    'contest',
    'evaluate this',
    '1',
  ]) {
    assert.deepEqual([splitOf(name), isWrapper(name), isDate(name)], [null, false, false], name);
  }
  assert.ok(
    isDate('20240501_field') && isDate('2024.05.01') && !isDate('2024') && !isDate('20241301'),
  );
});
