import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { acquireInstanceLock, isInstanceRunning } from '../../src/host/instance-lock.js';
import { temporaryFolder } from '../temporary-folder.js';

const folder = temporaryFolder({ after });

const refusedAsRunning = (error: unknown): boolean => isHeadlandError(error, 'HL_ALREADY_RUNNING');

test('a directory is locked once per purpose and unlocked by release', async () => {
  const lock = await acquireInstanceLock(folder, 'run');
  await assert.rejects(acquireInstanceLock(folder, 'run'), refusedAsRunning);
  const other = await acquireInstanceLock(folder, 'train');
  await other.release();
  await lock.release();
  await (await acquireInstanceLock(folder, 'run')).release();
});

test('the lock of a killed process is released immediately', async () => {
  const module = new URL('../../src/host/instance-lock.js', import.meta.url).href;
  const script = `const { acquireInstanceLock } = await import(${JSON.stringify(module)});
    await acquireInstanceLock(${JSON.stringify(folder)}, 'run');
    console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await assert.rejects(acquireInstanceLock(folder, 'run'), refusedAsRunning);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await (await acquireInstanceLock(folder, 'run')).release();
});

test('a missing directory is locked by its name', async () => {
  const gone = `${folder}/not/there`;
  const lock = await acquireInstanceLock(gone, 'run');
  await assert.rejects(acquireInstanceLock(`${folder}/not/../not/there`, 'run'), refusedAsRunning);
  await lock.release();
});

test('whether a lock is held is seen without taking it', async () => {
  assert.equal(await isInstanceRunning(folder, 'run'), false);
  const lock = await acquireInstanceLock(folder, 'run');
  assert.equal(await isInstanceRunning(folder, 'run'), true);
  assert.equal(await isInstanceRunning(folder, 'train'), false);
  await lock.release();
  assert.equal(await isInstanceRunning(folder, 'run'), false);
});

test('a user who may not enter the folder of a service sees its lock, too', {
  skip: process.getuid?.() !== 0 && 'needs root, to become another user',
}, async (t) => {
  // As systemd does it with DynamicUser=: a link into a folder that only root can enter.
  const shared = temporaryFolder(t);
  chmodSync(shared, 0o755);
  mkdirSync(join(shared, 'private/state'), { recursive: true });
  chmodSync(join(shared, 'private'), 0o700);
  symlinkSync('private/state', join(shared, 'state'));
  const lock = await acquireInstanceLock(join(shared, 'state'), 'run');
  const module = new URL('../../src/host/instance-lock.js', import.meta.url).href;
  const script = `const { isInstanceRunning } = await import(${JSON.stringify(module)});
    console.log(await isInstanceRunning(${JSON.stringify(join(shared, 'state'))}, 'run'));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    uid: 65_534,
    gid: 65_534,
  });
  const [answer] = await once(child.stdout, 'data');
  assert.equal(String(answer).trim(), 'true');
  await lock.release();
});
