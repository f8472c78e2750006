import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { failingDisk } from '../../chaos/resources/failing-disk.js';
import {
  copyDurably,
  switchLinkDurably,
  writeDirectoryDurably,
  writeFileDurably,
} from '../../src/base/files/durable-files.js';
import { temporaryFolder } from '../temporary-folder.js';
import { diskCalls, withoutStrace } from './disk-calls.js';

const MODULE = new URL('../../src/base/files/durable-files.js', import.meta.url).href;

/** What one call of the module does to the files of a folder. */
function callsOf(folder: string, call: string): string[] {
  return diskCalls(folder, `import * as files from '${MODULE}';\nawait files.${call};`);
}

test('a file is replaced whole and leaves nothing beside it', async (t) => {
  const dir = temporaryFolder(t);
  await writeFileDurably(join(dir, 'a'), 'old');
  await writeFileDurably(join(dir, 'a'), Uint8Array.of(1, 2, 3));
  assert.deepEqual([...(await readFile(join(dir, 'a')))], [1, 2, 3]);
  assert.deepEqual(await readdir(dir), ['a']);
});

test('a file that cannot be put in place leaves nothing beside it', async (t) => {
  const dir = temporaryFolder(t);
  await mkdir(join(dir, 'a', 'full'), { recursive: true });
  await assert.rejects(writeFileDurably(join(dir, 'a'), 'x'));
  assert.deepEqual(await readdir(dir), ['a']);
});

test('a disk that gives back other bytes replaces nothing', async (t) => {
  const dir = temporaryFolder(t);
  const tools = temporaryFolder(t);
  const disk = failingDisk(tools, dir, { CHAOS_DISK_LIES: '1' });
  if (disk === null) return t.skip('gcc is missing');
  await writeFileDurably(join(dir, 'a'), 'old');
  const program = `import * as files from '${MODULE}';
    const call = () => files.writeFileDurably(process.argv[1], Buffer.alloc(3_000_000, 'new'));
    console.log(await call().catch(({ code }) => code));`;
  disk.begin();
  const env = { ...process.env, ...disk.env };
  const options = ['--input-type=module', '--eval', program, join(dir, 'a')];
  const { stdout, stderr } = spawnSync(process.execPath, options, { env, encoding: 'utf8' });
  assert.equal(stdout.trim(), 'EIO', stderr);
  assert.deepEqual(await readdir(dir), ['a']);
  assert.equal(await readFile(join(dir, 'a'), 'utf8'), 'old');
});

test('a name as long as the file system takes needs no longer one on the way', async (t) => {
  const dir = temporaryFolder(t);
  const names = ['x'.repeat(255), '雑'.repeat(85)];
  for (const name of names) {
    await writeFileDurably(join(dir, name), 'x');
    await writeFileDurably(join(dir, name), 'y');
  }
  assert.deepEqual((await readdir(dir)).sort(), [...names].sort());
});

test('a folder appears with all its files and never replaces another', async (t) => {
  const dir = temporaryFolder(t);
  await writeDirectoryDurably(join(dir, 'v1'), { a: 'one', b: 'two' });
  assert.deepEqual((await readdir(join(dir, 'v1'))).sort(), ['a', 'b']);
  await assert.rejects(writeDirectoryDurably(join(dir, 'v1'), { c: 'three' }), {
    code: /ENOTEMPTY|EEXIST/,
  });
  await assert.rejects(writeDirectoryDurably(join(dir, 'v2'), { '../c': 'out' }), /bare file name/);
  assert.deepEqual(await readdir(dir), ['v1']);
  assert.equal(await readFile(join(dir, 'v1', 'a'), 'utf8'), 'one');
});

test('a link is switched while a reader always finds a whole folder', async (t) => {
  const dir = temporaryFolder(t);
  for (const name of ['v1', 'v2']) {
    await mkdir(join(dir, name));
    await writeFile(join(dir, name, 'file'), name);
  }
  await switchLinkDurably(join(dir, 'current'), 'v1');
  let switching = true;
  const reader = (async () => {
    const seen = new Set<string>();
    while (switching) seen.add(await readFile(join(dir, 'current', 'file'), 'utf8'));
    return seen;
  })();
  for (let i = 0; i < 40; i++) await switchLinkDurably(join(dir, 'current'), i % 2 ? 'v1' : 'v2');
  switching = false;
  for (const text of await reader) assert.match(text, /^v[12]$/);
  assert.equal(await readlink(join(dir, 'current')), 'v1');
  assert.deepEqual((await readdir(dir)).sort(), ['current', 'v1', 'v2']);
});

test('a file is on the disk before it gets its name, and its name before the call returns', {
  skip: withoutStrace,
}, async (t) => {
  const dir = temporaryFolder(t);
  assert.deepEqual(callsOf(dir, `writeFileDurably('${dir}/a', 'bytes')`), [
    'write .a.tmp',
    'sync .a.tmp',
    'rename .a.tmp a',
    'sync .',
  ]);
});

test('a folder gets its name after its files and their names are on the disk', {
  skip: withoutStrace,
}, async (t) => {
  const dir = temporaryFolder(t);
  assert.deepEqual(callsOf(dir, `writeDirectoryDurably('${dir}/v1', { a: '1', b: '2' })`), [
    'write .v1.tmp/a',
    'sync .v1.tmp/a',
    'write .v1.tmp/b',
    'sync .v1.tmp/b',
    'sync .v1.tmp',
    'rename .v1.tmp v1',
    'sync .',
  ]);
});

test('a link is on the disk where it points now before the call returns', {
  skip: withoutStrace,
}, async (t) => {
  const dir = temporaryFolder(t);
  assert.deepEqual(callsOf(dir, `switchLinkDurably('${dir}/current', 'v1')`), [
    'rename .current.tmp current',
    'sync .',
  ]);
});

test('a line is on the disk, with the name of a new file, before the call returns', {
  skip: withoutStrace,
}, async (t) => {
  const dir = temporaryFolder(t);
  const append = (line: string): string[] =>
    callsOf(dir, `appendLineDurably('${dir}/list', '${line}', 0o600)`);
  assert.deepEqual(append('one'), ['write list', 'sync list', 'sync .']);
  assert.deepEqual(append('two'), ['write list', 'sync list']);
  await writeFile(join(dir, 'list'), 'one\ntw');
  append('three');
  assert.equal(await readFile(join(dir, 'list'), 'utf8'), 'one\ntw\nthree\n');
});

test('a removed file does not come back, and a copy is whole before anything replaces its original', {
  skip: withoutStrace,
}, async (t) => {
  const dir = temporaryFolder(t);
  await writeFile(join(dir, 'a'), 'one', { mode: 0o600 });
  assert.deepEqual(callsOf(dir, `copyDurably('${dir}/a', '${dir}/b')`), ['write b', 'sync b']);
  assert.equal(await readFile(join(dir, 'b'), 'utf8'), 'one');
  await assert.rejects(copyDurably(join(dir, 'a'), join(dir, 'b')), { code: 'EEXIST' });
  assert.deepEqual(callsOf(dir, `removeDurably('${dir}/a')`), ['sync .']);
  assert.deepEqual(await readdir(dir), ['b']);
});
