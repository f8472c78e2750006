import assert from 'node:assert/strict';
import test from 'node:test';
import { zipSync } from 'fflate';
import { unzip } from '../../src/base/files/unzip.js';

const FILES = { 'a.txt': Buffer.from('one'), 'b/c.txt': Buffer.from('two') };

test('the wanted entries of an archive are unpacked', () => {
  const archive = zipSync(FILES);
  assert.deepEqual(Object.keys(unzip(archive, () => true)).sort(), Object.keys(FILES));
  const some = unzip(archive, ({ name }) => name === 'a.txt');
  assert.equal(Buffer.from(some['a.txt']!).toString(), 'one');
  assert.deepEqual(Object.keys(some), ['a.txt']);
});

test('an archive that claims 65,535 entries is read no further than it reaches', () => {
  const archive = zipSync(FILES);
  const claims = new DataView(archive.buffer, archive.byteOffset);
  claims.setUint16(archive.length - 22 + 8, 65_535, true);
  claims.setUint16(archive.length - 22 + 10, 65_535, true);
  let looked = 0;
  const look = (): boolean => {
    looked += 1;
    return false;
  };
  assert.throws(() => unzip(archive, look), /more entries than it has room for/);
  assert.ok(looked < archive.length / 40, `${looked} entries`);
});
