import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exportFolder } from '../../../src/samples/folder/export-folder.js';
import { joinPath } from '../../../src/vision/folder/file-name.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { jpeg } from '../pictures.js';
import { temporaryStore } from '../support.js';
import { importInto, origins, pictureFolder } from './support.js';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

test('names that are not UTF-8 lose no picture', async (t) => {
  const dir = temporaryFolder(t);
  const folders: [Buffer, string][] = [
    [latin1('L\xf6wenzahn'), 'Löwenzahn'],
    [latin1('R\x81be'), 'Rübe'],
    [latin1('crop'), 'crop'],
    [Buffer.from([0xd4, 0xd3, 0xb2, 0xdd]), ''],
  ];
  for (const [seed, [name]] of folders.entries()) {
    const folder = joinPath(Buffer.from(dir), name);
    mkdirSync(folder);
    writeFileSync(joinPath(folder, latin1('gr\xfcn.jpg')), await jpeg(seed + 1));
  }
  const { store, report, codes } = await importInto(t, dir);
  assert.deepEqual(origins(store), {
    Löwenzahn: ['Löwenzahn/grün.jpg'],
    Rübe: ['Rübe/grün.jpg'],
    crop: ['crop/grün.jpg'],
  });
  assert.deepEqual(report.quarantined, []);
  assert.deepEqual(new Set(codes), new Set(['HL_IMPORT_NAME_ENCODING']));
  const messages = report.warnings.map(({ message }) => message).join('\n');
  assert.match(messages, /decoded as Windows-1252: "Löwenzahn"/);
  assert.match(messages, /decoded as code page 850: "Rübe"/);
  assert.match(messages, /"\\xd4\\xd3\\xb2\\xdd" is not UTF-8 or another known encoding/);
  assert.equal(report.leftOut[0]?.files, 1);
});

test('long names are cut by bytes; the reason and the copy are kept', async (t) => {
  const long = '雑草'.repeat(41);
  const dir = await pictureFolder(t, [`weed/${long}1.jpg`], {
    [`weed/${long}2.jpg`]: 'no picture',
  });
  const quarantineDir = join(temporaryFolder(t), 'quarantine');
  const { report } = await importInto(t, dir, { quarantineDir });
  assert.deepEqual([report.imported, report.quarantined.length], [1, 1]);
  const [line] = readFileSync(join(quarantineDir, 'quarantine.jsonl'), 'utf8').trim().split('\n');
  const { copy, code } = JSON.parse(line!);
  assert.equal(code, 'HL_PICTURE_INVALID');
  assert.match(copy, /\.jpg$/);
  assert.equal(readFileSync(join(quarantineDir, copy), 'utf8'), 'no picture');
});

test('labels are counted apart from what objects bring along', async (t) => {
  const words = [
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    'prototype',
    '🌱',
    'a"b<i>',
  ];
  const dir = await pictureFolder(
    t,
    words.flatMap((word) => [`${word}/1.jpg`, `${word}/2.jpg`]),
  );
  const { store, report } = await importInto(t, dir);
  assert.deepEqual(
    [...report.classes],
    [...words].sort().map((word) => [word, 2]),
  );
  const target = join(temporaryFolder(t), 'out');
  const exported = await exportFolder(store, target);
  assert.deepEqual(new Map([...exported.classes].sort()), report.classes);
  assert.deepEqual(readdirSync(target).sort(), [...words, 'samples.jsonl'].sort());
  const again = await importInto(t, target);
  assert.deepEqual(again.report.classes, report.classes);
});

test('class folders that look alike are one class, unless a person keeps them apart', async (t) => {
  const dir = await pictureFolder(t, [
    'Apple/1.jpg',
    'apple/2.jpg',
    'apple/3.jpg',
    'Ａｐｐｌｅ/4.jpg',
    'sugar beet/5.jpg',
    'sugar_beet/6.jpg',
    'Lo\u0308wenzahn/7.jpg',
    'L\u00f6wenzahn/8.jpg',
    'we\u200bed/9.jpg',
  ]);
  const { store, report, codes } = await importInto(t, dir);
  assert.deepEqual(
    [...report.classes],
    [
      ['Löwenzahn', 2],
      ['apple', 4],
      ['sugar beet', 2],
    ],
  );
  assert.deepEqual(
    codes.filter((code) => code === 'HL_LABEL_ALIKE'),
    ['HL_LABEL_ALIKE', 'HL_LABEL_ALIKE', 'HL_LABEL_ALIKE'],
  );
  assert.match(
    report.warnings.find(({ code }) => code === 'HL_LABEL_INVALID')?.message ?? '',
    /we\\u\{200b\}ed.*U\+200B.*left out 1 picture/,
  );
  const apart = await importInto(t, dir, { keepAlike: true });
  assert.deepEqual(
    [...apart.report.classes.keys()],
    ['Apple', 'Löwenzahn', 'apple', 'sugar beet', 'sugar_beet', 'Ａｐｐｌｅ'],
  );
  assert.equal(store.alikeLabel('APPLE'), 'apple');
  assert.equal(store.alikeLabel('apple'), null);
});

test('a label that the store has is spelt as there', async (t) => {
  const { store } = temporaryStore(t);
  const { importFolder } = await import('../../../src/samples/folder/import-folder.js');
  const limits = { maxBytes: 1e7, maxPixels: 1e7 };
  await importFolder(store, await pictureFolder(t, ['Apple/1.jpg']), { limits });
  const more = await pictureFolder(t, ['x/0.jpg', 'apple/2.jpg', 'apple/3.jpg']);
  const report = await importFolder(store, more, { limits });
  assert.deepEqual([...report.classes.keys()], ['Apple', 'x']);
});
