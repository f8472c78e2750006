import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { joinPath, readFileName } from '../../../src/vision/folder/file-name.js';
import { picturesBelow, readFolderTree } from '../../../src/vision/folder/folder-tree.js';
import { isLeftover } from '../../../src/vision/folder/leftovers.js';
import { temporaryFolder } from '../../temporary-folder.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('names of files', () => {
  it('are UTF-8, or what old cameras and Windows wrote', () => {
    const names: [Buffer, string, string | null][] = [
      [Buffer.from('Rübe 雑草.jpg'), 'Rübe 雑草.jpg', 'UTF-8'],
      [bytes('R\xfcbe.jpg'), 'Rübe.jpg', 'Windows-1252'],
      [bytes('Gr\xf6\xdfe'), 'Größe', 'Windows-1252'],
      [bytes('\x8eluto\xe8'), 'Žlutoč'.replace('č', 'è'), 'Windows-1252'],
      [bytes('L\x94wenzahn'), 'Löwenzahn', 'code page 850'],
      [bytes('R\x81be_\x99.jpg'), 'Rübe_Ö.jpg', 'code page 850'],
      [bytes('ca\xa4a'), 'caña', 'code page 850'],
      // GBK, Shift-JIS and Windows-1251 are no words in the encodings of the west.
      [Buffer.from([0xd4, 0xd3, 0xb2, 0xdd]), '\\xd4\\xd3\\xb2\\xdd', null],
      [Buffer.from([0x8e, 0x47, 0x91, 0x90]), '\\x8eG\\x91\\x90', null],
      [Buffer.from([0xf1, 0xee, 0xf0, 0xed, 0xff, 0xea]), '\\xf1\\xee\\xf0\\xed\\xff\\xea', null],
    ];
    for (const [name, text, encoding] of names) {
      const read = readFileName(name);
      assert.deepEqual([read.text, read.encoding], [text, encoding]);
      assert.ok(read.bytes.equals(name));
    }
  });

  it('are read whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (name) => {
        const { text, encoding } = readFileName(Buffer.from(name));
        assert.ok(text.length > 0);
        if (encoding === 'UTF-8') assert.ok(Buffer.from(text).equals(Buffer.from(name)));
      }),
    );
  });
});

it('what systems leave behind is known, and no picture of a person is', () => {
  for (const name of [
    '@eaDir',
    '.thumbnails',
    '__MACOSX',
    '._IMG_1.jpg',
    'Thumbs.db',
    'ehthumbs_vista.db',
    'desktop.ini',
    'Desktop.ini',
    '.DS_Store',
    'lost+found',
    '$RECYCLE.BIN',
    'System Volume Information',
    '.Trash-1000',
    '.Trashes',
    '.Spotlight-V100',
    '.fseventsd',
    '.ipynb_checkpoints',
    '#recycle',
    '@Recycle',
    '@Recently-Snapshot',
    '.@__thumb',
    'LOST.DIR',
    'FOUND.000',
    'SYNOPHOTO_THUMB_M.jpg',
    'Icon\r',
    '~$notes.docx',
    'a.jpg~',
    '.git',
  ]) {
    assert.ok(isLeftover(name), name);
  }
  for (const name of [
    'weed',
    'IMG_1.jpg',
    'recycled paper',
    'thumbs',
    'found',
    'constructor',
    '#1',
  ]) {
    assert.ok(!isLeftover(name), name);
  }
});

describe('readFolderTree', () => {
  it('reads names that are not UTF-8', async (t) => {
    const dir = Buffer.from(temporaryFolder(t));
    const folder = joinPath(dir, bytes('L\xf6wenzahn'));
    mkdirSync(folder);
    writeFileSync(joinPath(folder, bytes('R\xfcbe.jpg')), 'x');
    const found = picturesBelow(await readFolderTree(dir.toString(), { followLinks: false }));
    assert.deepEqual(
      found.map(({ name }) => name),
      ['Löwenzahn/Rübe.jpg'],
    );
    assert.ok(found[0]!.path.equals(joinPath(folder, bytes('R\xfcbe.jpg'))));
  });

  it('follows links within, those that lead out only when asked, and circles end', async (t) => {
    const outside = temporaryFolder(t);
    mkdirSync(join(outside, 'disk'));
    writeFileSync(join(outside, 'disk', 'far.jpg'), '');
    symlinkSync('.', join(outside, 'disk', 'itself'));
    const dir = temporaryFolder(t);
    mkdirSync(join(dir, 'weed'));
    writeFileSync(join(dir, 'weed', 'near.jpg'), '');
    symlinkSync('../weed', join(dir, 'weed', 'again'));
    symlinkSync('..', join(dir, 'weed', 'up'));
    symlinkSync(join(outside, 'disk'), join(dir, 'crop'));
    symlinkSync(join(outside, 'disk', 'far.jpg'), join(dir, 'weed', 'far.jpg'));
    symlinkSync('/etc/hostname', join(dir, 'weed', 'hostname'));
    symlinkSync('nowhere', join(dir, 'weed', 'broken.jpg'));
    const names = async (followLinks: boolean) => {
      const root = await readFolderTree(dir, { followLinks });
      const obstacles = [...root.obstacles, ...root.folders.flatMap((f) => f.folder.obstacles)];
      return [
        picturesBelow(root).map(({ name }) => name),
        [...new Set(obstacles.map(({ name, kind }) => `${name.text}: ${kind}`))].sort(),
      ];
    };
    assert.deepEqual(await names(false), [
      ['weed/near.jpg'],
      ['broken.jpg: unreadable', 'crop: link-outside', 'far.jpg: link-outside'],
    ]);
    assert.deepEqual(await names(true), [
      ['crop/far.jpg', 'weed/far.jpg', 'weed/near.jpg'],
      ['broken.jpg: unreadable'],
    ]);
  });

  it('ends in a web of links', async (t) => {
    const dir = temporaryFolder(t);
    for (let level = 0; level < 24; level++) {
      mkdirSync(join(dir, `${level}`));
      writeFileSync(join(dir, `${level}`, 'a.jpg'), '');
      for (const side of ['left', 'right']) {
        symlinkSync(`../${level + 1}`, join(dir, `${level}`, side));
      }
    }
    const root = await readFolderTree(dir, { followLinks: true });
    assert.equal(picturesBelow(root).length, 24);
  });
});
