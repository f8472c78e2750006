import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findDamage, openDatabase } from '../../src/storage/database.js';
import { hasCode } from '../errors.js';
import { crashPicture } from './crash-picture.js';
import { newSample, openStore, smallDisk } from './support.js';

const childScript = fileURLToPath(new URL('./admitting-child.js', import.meta.url));

test('a full disk: refused with its name, nothing acknowledged is lost, room made is used', (t) => {
  const disk = smallDisk(t, '2m');
  if (disk === null) return;
  const path = join(disk, 'headland.db');
  const ballast = join(disk, 'ballast');
  writeFileSync(ballast, Buffer.alloc(700_000));
  const { database, store } = openStore(path);
  t.after(() => database.close());
  const kept = new Map<string, number>();
  assert.throws(() => {
    for (let number = 0; ; number++) {
      const { sample } = store.admit(newSample('', { jpeg: crashPicture(number), label: 'weed' }));
      kept.set(sample.id, number);
    }
  }, hasCode('HL_STORE_FULL'));
  assert.ok(kept.size > 3);
  const check = () => {
    assert.deepEqual(findDamage(database), []);
    assert.equal(store.counts().total, kept.size);
    for (const [id, number] of kept) assert.ok(crashPicture(number).equals(store.picture(id)!));
  };
  check();
  assert.equal(database.inTransaction, false);
  assert.throws(
    () => store.batch(() => store.admit(newSample('', { jpeg: Buffer.alloc(900_000) }))),
    hasCode('HL_STORE_FULL'),
  );
  check();
  rmSync(ballast);
  kept.set(store.admit(newSample('', { jpeg: crashPicture(500) })).sample.id, 500);
  check();
});

test('a disk that is full from the start is refused with its name', (t) => {
  const disk = smallDisk(t, '64k');
  if (disk === null) return;
  try {
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(100_000));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
  assert.throws(() => openStore(join(disk, 'headland.db')), hasCode('HL_STORE_FULL'));
});

test('a read-only disk is refused with its name; the process goes on', async (t) => {
  const disk = smallDisk(t, '2m');
  if (disk === null) return;
  const path = join(disk, 'headland.db');
  // In a process of its own: libsql keeps a file open after close() until its statements are
  // collected, and a file open for writing forbids the remount.
  const child = spawn(process.execPath, [childScript, path, '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  assert.throws(() => openDatabase(path), hasCode('HL_STORE_READ_ONLY'));
  execFileSync('mount', ['-o', 'remount,rw', disk]);
  const again = openStore(path);
  t.after(() => again.database.close());
  assert.ok(again.store.counts().total > 0);
});
