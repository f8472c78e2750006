import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { acquireInstanceLock } from '../../src/host/instance-lock.js';

const folder = mkdtempSync(join(tmpdir(), 'headland-lock-'));
after(() => rmSync(folder, { recursive: true }));

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
