import { realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve as absolute } from 'node:path';
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
  const digest = sha256Hex(`${purpose}\0${path}`).slice(0, 32);
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
    server.listen({ path: `\0headland-${purpose}-${digest}` }, () =>
      resolve({ release: () => new Promise((done) => server.close(() => done())) }),
    );
  });
}

/** Without symbolic links if the folder exists, else the absolute path as given. */
function realPath(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    return absolute(directory);
  }
}
