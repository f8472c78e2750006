import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { HeadlandError, messageOf } from '../../base/errors.js';

/** The system calls that the GPIO character device needs. None of them waits. */
export interface Kernel {
  /** Names in a folder. @throws Error with `code`, as `fs` does */
  list(folder: string): string[];
  /** Opens a device for reading and writing; children do not inherit it. @throws Error with `code` */
  open(path: string): number;
  /** Passes `argument` to the device, which may change it. @throws KernelError */
  ioctl(fd: number, request: number, argument: Uint8Array): void;
  /** Whether a read would return at once. @throws KernelError */
  isReadable(fd: number): boolean;
  /** @returns how many bytes of `into` were filled. @throws Error with `code` */
  read(fd: number, into: Uint8Array): number;
  close(fd: number): void;
}

/** A system call that failed. */
export class KernelError extends Error {
  /** @param code name of the error: "EBUSY" */
  constructor(
    call: string,
    readonly code: string,
  ) {
    super(`${code}: ${call}`);
  }
}

const POLLIN = 1;
/** struct pollfd: fd, events, revents. */
const POLLFD_BYTES = 8;
const POLLFD_REVENTS = 6;

/**
 * The kernel of this machine, through libc.
 * @throws HeadlandError HL_GPIO_UNAVAILABLE when koffi cannot be loaded, or the machine is not 64-bit
 *   little endian
 */
export function libcKernel(): Kernel {
  if (endianness() !== 'LE' || !['arm64', 'x64', 'riscv64', 'loong64'].includes(process.arch)) {
    throw noLibc(`the driver gpiochip does not know the structures of ${process.arch}`);
  }
  const { ioctl, poll, errnoName } = loadCalls();
  return {
    list: (folder) => readdirSync(folder),
    open: (path) => openSync(path, 'r+'),
    ioctl: (fd, request, argument) => {
      if (ioctl(fd, request, 'void *', argument) < 0) throw new KernelError('ioctl', errnoName());
    },
    isReadable: (fd) => {
      const pollfd = new Uint8Array(POLLFD_BYTES);
      const view = new DataView(pollfd.buffer);
      view.setInt32(0, fd, true);
      view.setInt16(4, POLLIN, true);
      if (poll(pollfd, 1, 0) < 0) throw new KernelError('poll', errnoName());
      // A chip that was removed shows up as an error here, which the read then names.
      return view.getInt16(POLLFD_REVENTS, true) !== 0;
    },
    read: (fd, into) => readSync(fd, into),
    close: (fd) => closeSync(fd),
  };
}

function loadCalls() {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const libc = koffi.load(null);
    const codes = new Map(Object.entries(koffi.os.errno).map(([name, code]) => [code, name]));
    return {
      ioctl: libc.func('int ioctl(int fd, unsigned long request, ...)'),
      poll: libc.func('int poll(void *fds, unsigned long count, int timeoutMs)'),
      errnoName: () => codes.get(koffi.errno()) ?? `errno ${koffi.errno()}`,
    };
  } catch (error) {
    throw noLibc(`libc cannot be called: ${messageOf(error)}`, error);
  }
}

function noLibc(message: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_GPIO_UNAVAILABLE', message, {
    remedy:
      'Run "npm install koffi" where headland is installed. Or set gpio.driver to onoff, or to none.',
    details: { arch: process.arch },
    cause,
  });
}
