import { readlinkSync, realpathSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { resolve as absolute, dirname } from 'node:path';
import { HeadlandError } from '../base/errors.js';
import { sha256Hex } from '../base/hash.js';

export interface InstanceLock {
  release(): Promise<void>;
}

/**
 * Binds an abstract unix socket named after a directory and a purpose. The kernel releases it when
 * the process ends, however it ends, so no stale lock survives a power cut.
 * @param directory need not exist
 * @throws HeadlandError HL_ALREADY_RUNNING when another process holds it
 */
export function acquireInstanceLock(directory: string, purpose: string): Promise<InstanceLock> {
  const path = realPath(directory);
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      reject(
        new HeadlandError(
          'HL_ALREADY_RUNNING',
          purpose === 'train'
            ? `another process is training or rolling back in ${path}`
            : `another headland is running in ${path}`,
          {
            remedy:
              purpose === 'train'
                ? 'Wait until it has ended, then try again.'
                : 'Stop it (systemctl stop headland), or set another paths.stateDir.',
            details: { purpose, path },
          },
        ),
      );
    });
    server.listen({ path: socketName(path, purpose) }, () =>
      resolve({ release: () => new Promise((done) => server.close(() => done())) }),
    );
  });
}

/**
 * Whether another process holds the lock of {@link acquireInstanceLock}, without taking it: the holder
 * answers on its socket.
 * @param directory need not exist
 */
export function isInstanceRunning(directory: string, purpose: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: socketName(realPath(directory), purpose) });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

function socketName(path: string, purpose: string): string {
  const digest = sha256Hex(`${purpose}\0${path}`).slice(0, 32);
  return `\0headland-${purpose}-${digest}`;
}

/**
 * Without symbolic links if the folder exists, else the absolute path as given. The state folder of a
 * service with DynamicUser= is a link into a folder that only root can enter: then the link is followed.
 */
function realPath(directory: string): string {
  const path = absolute(directory);
  try {
    return realpathSync(path);
  } catch {
    return target(path) ?? path;
  }
}

function target(path: string): string | null {
  try {
    return absolute(dirname(path), readlinkSync(path));
  } catch {
    return null;
  }
}
