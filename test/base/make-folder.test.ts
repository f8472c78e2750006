import assert from 'node:assert/strict';
import { existsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, makeFolderSync } from '../../src/base/files/make-folder.js';
import { temporaryFolder } from '../temporary-folder.js';
import { diskCalls, withoutStrace } from './disk-calls.js';

const MODULE = new URL('../../src/base/files/make-folder.js', import.meta.url).href;

test('folders are made with those above them, and left as they are', async (t) => {
  const dir = temporaryFolder(t);
  makeFolderSync(join(dir, 'a', 'b'), 0o700);
  assert.equal(statSync(join(dir, 'a', 'b')).mode & 0o777, 0o700);
  makeFolderSync(join(dir, 'a', 'b'));
  await makeFolder(join(dir, 'c', 'd'));
  assert.ok(existsSync(join(dir, 'c', 'd')));
  symlinkSync(join(dir, 'a'), join(dir, 'link'));
  await makeFolder(join(dir, 'link', 'e'));
  assert.ok(existsSync(join(dir, 'a', 'e')));
});

test('where no folder can be made, that is said instead of tried for ever', async (t) => {
  const dir = temporaryFolder(t);
  writeFileSync(join(dir, 'file'), '');
  for (const path of ['/proc/nowhere', '/proc/nowhere/deeper', join(dir, 'file', 'x')]) {
    assert.throws(() => makeFolderSync(path), { syscall: 'mkdir' });
    await assert.rejects(makeFolder(path), { syscall: 'mkdir' });
  }
});

test('the names of new folders are on the disk before the call returns', {
  skip: withoutStrace,
}, (t) => {
  for (const call of ['makeFolderSync', 'makeFolder']) {
    const dir = temporaryFolder(t);
    const calls = diskCalls(
      dir,
      `import * as files from '${MODULE}';\nawait files.${call}('${dir}/a/b');`,
    );
    assert.deepEqual(calls, ['sync .', 'sync a']);
  }
});

test('many make the same folder at once', async (t) => {
  const path = join(temporaryFolder(t), 'a', 'b', 'c');
  await Promise.all(Array.from({ length: 8 }, () => makeFolder(path)));
  assert.ok(existsSync(path));
});
