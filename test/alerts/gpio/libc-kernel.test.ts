import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { KernelError, libcKernel } from '../../../src/alerts/gpio/kernel.js';
import { GPIO_IOCTL } from '../../../src/alerts/gpio/line-abi.js';
import { temporaryFolder } from '../../temporary-folder.js';

/** Asks how many bytes a pipe holds: an ioctl that works on any Linux. */
const FIONREAD = 0x541b;

const fails = (code: string) => (error: unknown) => {
  assert.ok(error instanceof Error && 'code' in error && error.code === code, String(error));
  return true;
};

describe('the kernel through libc', () => {
  test('answers an ioctl in its bytes, and tells what can be read', (t) => {
    const kernel = libcKernel();
    const folder = temporaryFolder(t);
    const fifo = join(folder, 'fifo');
    assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
    const fd = kernel.open(fifo);
    assert.equal(kernel.isReadable(fd), false);
    const writer = openSync(fifo, constants.O_WRONLY);
    writeSync(writer, 'four');
    closeSync(writer);
    assert.equal(kernel.isReadable(fd), true);
    const count = new Uint8Array(4);
    kernel.ioctl(fd, FIONREAD, count);
    assert.deepEqual([...count], [4, 0, 0, 0]);
    const into = new Uint8Array(10);
    assert.equal(kernel.read(fd, into), 4);
    assert.equal(kernel.isReadable(fd), false);
    // A child that outlives the daemon would keep a line.
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    assert.notEqual(Number.parseInt(flags ?? '0', 8) & 0o2000000, 0, 'O_CLOEXEC');
    kernel.close(fd);
  });

  test('names the error of a call', () => {
    const kernel = libcKernel();
    assert.throws(() => kernel.open('/dev/gpiochip999'), fails('ENOENT'));
    assert.throws(() => kernel.list('/dev/none'), fails('ENOENT'));
    const fd = kernel.open('/dev/null');
    const refused = () => kernel.ioctl(fd, GPIO_IOCTL.chipInfo, new Uint8Array(68));
    assert.throws(refused, (error) => error instanceof KernelError && error.code === 'ENOTTY');
    kernel.close(fd);
    assert.throws(refused, fails('EBADF'));
    assert.equal(kernel.isReadable(fd), true, 'a closed file is an error that a read names');
    assert.throws(() => kernel.read(fd, new Uint8Array(1)), fails('EBADF'));
  });
});
