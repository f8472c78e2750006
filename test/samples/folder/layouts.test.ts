import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isHeadlandError } from '../../../src/base/errors.js';
import { importFolder } from '../../../src/samples/folder/import-folder.js';
import { hasCode } from '../../errors.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { temporaryStore } from '../support.js';
import { importInto, LIMITS, origins, pictureFolder } from './support.js';

test('splits are seen through and said', async (t) => {
  const dir = await pictureFolder(t, [
    'train/weed/1.jpg',
    'train/crop/2.jpg',
    'valid/weed/3.jpg',
    'test/crop/4.jpg',
  ]);
  const { store, report, codes } = await importInto(t, dir);
  assert.deepEqual(origins(store), {
    weed: ['train/weed/1.jpg', 'valid/weed/3.jpg'],
    crop: ['test/crop/4.jpg', 'train/crop/2.jpg'],
  });
  assert.deepEqual(codes, ['HL_IMPORT_SPLITS', 'HL_IMPORT_SPLITS']);
  assert.match(report.warnings[0]!.message, /"test", "train", "valid" were treated as splits/);
  const asClasses = await importInto(t, dir, { layout: 'classes' });
  assert.deepEqual([...asClasses.report.classes.keys()], ['test', 'train', 'valid']);
});

test('an export of headland keeps its classes, whatever they are called', async (t) => {
  const dir = await pictureFolder(t, ['train/1.jpg', 'test/2.jpg', 'Test/3.jpg', 'images/4.jpg'], {
    'samples.jsonl': '',
  });
  const { report, codes } = await importInto(t, dir);
  assert.deepEqual([...report.classes.keys()], ['Test', 'images', 'test', 'train']);
  assert.deepEqual(codes, []);
});

test('a layout with two readings is refused, and the remedy works', async (t) => {
  const dir = await pictureFolder(t, ['project/weed/1.jpg', 'project/crop/2.jpg']);
  const { store } = temporaryStore(t);
  let remedy = '';
  await assert.rejects(importFolder(store, dir, { limits: LIMITS }), (error) => {
    if (isHeadlandError(error)) remedy = error.remedy;
    return hasCode('HL_IMPORT_LAYOUT_UNCLEAR')(error);
  });
  assert.match(remedy, new RegExp(`${dir}/project.*--layout classes`));
  const inner = await importInto(t, join(dir, 'project'));
  assert.deepEqual([...inner.report.classes.keys()], ['crop', 'weed']);
  const one = await importInto(t, dir, { layout: 'classes' });
  assert.deepEqual([...one.report.classes], [['project', 2]]);
});

test('what has no class folder is refused for what it is, and --label gives it one', async (t) => {
  const cases: [paths: string[], others: Record<string, string>, message: RegExp][] = [
    [['1.jpg', '2.jpg'], {}, /2 pictures outside class folders/],
    [['train/1.jpg', 'test/2.jpg'], {}, /"test", "train" were treated as splits/],
    [['2024-05-01/1.jpg', '2024-05-02/2.jpg'], {}, /were treated as days/],
    [['images/1.jpg'], {}, /1 pictures outside class folders/],
    [[], { 'weeds.zip': 'PK' }, /1 archive \("weeds\.zip"\)/],
    [[], { 'train-00000-of-00002.tfrecord': 'x' }, /data files in an unsupported format/],
    [[], { 'weed/notes.txt': 'x' }, /ignored 1 file in class folders/],
    [[], {}, /no class folder with pictures, and no annotations of them\. It holds no files$/],
    [
      ['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg'],
      { 'x/data.PARQUET': 'x', README: 'x' },
      /4 files \.jpg \("a\.jpg", "b\.jpg", "c\.jpg" …\), 1 file without an ending \("README"\), 1 file \.parquet \("x\/data\.PARQUET"\)/,
    ],
  ];
  for (const [paths, others, message] of cases) {
    const dir = await pictureFolder(t, paths, others);
    const { store } = temporaryStore(t);
    await assert.rejects(importFolder(store, dir, { limits: LIMITS }), (error) => {
      assert.match(String(error), message);
      return hasCode('HL_IMPORT_NO_CLASSES')(error);
    });
    if (paths.length === 0) continue;
    const labelled = await importInto(t, dir, { label: 'weed' });
    assert.deepEqual([...labelled.report.classes], [['weed', paths.length]]);
  }
  const archive = join(temporaryFolder(t), 'weeds.zip');
  writeFileSync(archive, 'PK');
  const { store } = temporaryStore(t);
  await assert.rejects(importFolder(store, archive, { limits: LIMITS }), (error) => {
    assert.match(isHeadlandError(error) ? error.remedy : '', /Unpack it/);
    return hasCode('HL_IMPORT_NOT_FOUND')(error);
  });
});

test('class folders that are links are followed on request', async (t) => {
  const disk = await pictureFolder(t, ['weed/1.jpg', 'crop/2.jpg', 'crop/3.jpg']);
  symlinkSync('.', join(disk, 'crop', 'circle'));
  const dir = temporaryFolder(t);
  symlinkSync(join(disk, 'weed'), join(dir, 'weed'));
  symlinkSync(join(disk, 'crop'), join(dir, 'crop'));
  const { store } = temporaryStore(t);
  await assert.rejects(importFolder(store, dir, { limits: LIMITS }), (error) => {
    assert.match(String(error), /2 links lead out of it \("crop", "weed"\)/);
    assert.match(isHeadlandError(error) ? error.remedy : '', /--follow-links/);
    return hasCode('HL_IMPORT_NO_CLASSES')(error);
  });
  const { report } = await importInto(t, dir, { followLinks: true });
  assert.deepEqual(
    [...report.classes],
    [
      ['crop', 2],
      ['weed', 1],
    ],
  );
});

test('loose pictures and empty folders beside class folders are named', async (t) => {
  const dir = await pictureFolder(t, ['weed/1.jpg', '2.jpg', '3.jpg', 'images/4.jpg'], {
    'docs/readme.md': 'x',
  });
  mkdirSync(join(dir, 'thistle'));
  const { report, codes } = await importInto(t, dir);
  assert.deepEqual(codes.sort(), [
    'HL_IMPORT_EMPTY_CLASS',
    'HL_IMPORT_EMPTY_CLASS',
    'HL_IMPORT_IGNORED',
    'HL_IMPORT_LOOSE',
  ]);
  assert.deepEqual(
    report.leftOut.map(({ code, files }) => [code, files]),
    [
      ['HL_IMPORT_LOOSE', 3],
      ['HL_IMPORT_IGNORED', 1],
    ],
  );
  assert.deepEqual(report.leftOut[0]!.examples, ['2.jpg', '3.jpg', 'images/4.jpg']);
});

test('what systems leave behind is neither a sample nor a word', async (t) => {
  const leftovers: Record<string, string> = {};
  for (const folder of ['', 'weed/', 'crop/']) {
    for (const name of ['.DS_Store', 'Thumbs.db', 'desktop.ini', '._1.jpg', 'a.jpg~']) {
      leftovers[`${folder}${name}`] = 'x';
    }
    for (const name of [
      '@eaDir',
      '.thumbnails',
      '__MACOSX',
      '.ipynb_checkpoints',
      '$RECYCLE.BIN',
    ]) {
      leftovers[`${folder}${name}/thumb.jpg`] = 'x';
    }
  }
  for (const name of ['lost+found', 'System Volume Information', '#recycle', '.Trash-1000']) {
    leftovers[`${name}/old.jpg`] = 'x';
  }
  const dir = await pictureFolder(t, ['weed/1.jpg', 'crop/2.jpg'], leftovers);
  const { report } = await importInto(t, dir);
  assert.deepEqual([report.found, report.imported], [2, 2]);
  assert.deepEqual([report.quarantined, report.leftOut, report.warnings], [[], [], []]);
});
