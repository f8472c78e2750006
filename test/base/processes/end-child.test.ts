import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { endChild } from '../../../src/base/processes/end-child.js';

/** A process that writes a line when it is ready, and then waits for ever. */
async function started(program: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [
    '-e',
    `${program}; console.log('ready'); setInterval(() => {}, 1e6)`,
  ]);
  await once(child.stdout, 'data');
  return child;
}

const DEAF = "process.on('SIGTERM', () => {})";

describe('endChild', () => {
  it('lets a process end by itself after SIGTERM', async () => {
    const child = await started("process.on('SIGTERM', () => process.exit(7))");
    await endChild(child, 60_000);
    assert.equal(child.exitCode, 7);
  });

  it('kills a process that ignores SIGTERM', async () => {
    const child = await started(DEAF);
    await endChild(child, 50);
    assert.equal(child.signalCode, 'SIGKILL');
  });

  it('kills a stopped process', async () => {
    const child = await started(DEAF);
    child.kill('SIGSTOP');
    await endChild(child, 50);
    assert.equal(child.signalCode, 'SIGKILL');
  });

  it('kills at once without a grace', async () => {
    const child = await started("process.on('SIGTERM', () => process.exit(7))");
    await endChild(child, 0);
    assert.equal(child.signalCode, 'SIGKILL');
  });

  it('has nothing to do when the process is gone or never started', async () => {
    const gone = await started('0');
    gone.kill('SIGKILL');
    await once(gone, 'exit');
    await endChild(gone, 60_000);
    const never = spawn('/nonexistent/program');
    await once(never, 'error');
    await endChild(never, 60_000);
  });
});
