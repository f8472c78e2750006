import { readlinkSync, realpathSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { resolve as absolute, dirname } from 'node:path';
import { HeadlandError } from '../base/errors.js';
import { sha256Hex } from '../base/hash.js';
import { answerQuestions, type Responder } from '../base/processes/local-questions.js';

export interface InstanceLock {
  /** From now on answers programs of this machine that ask the holder; see {@link askInstance}. */
  answerWith(respond: Responder): void;
  release(): Promise<void>;
}

/**
 * Binds an abstract unix socket named after a directory and a purpose. The kernel releases it when
 * the process ends, however it ends, so no stale lock survives a power cut. Only processes of the same network
 * namespace see it; a lock of the folder itself goes with it (agent/lifetime/state-lock.ts).
 * @param directory need not exist
 * @throws HeadlandError HL_ALREADY_RUNNING when another process holds it
 */
export function acquireInstanceLock(directory: string, purpose: string): Promise<InstanceLock> {
  const path = realPath(directory);
  let respond: Responder | null = null;
  const asking = new Set<Socket>();
  const server = createServer((socket) => {
    if (respond === null) return socket.destroy();
    asking.add(socket);
    socket.once('close', () => asking.delete(socket));
    answerQuestions(socket, respond);
  });
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      reject(alreadyRunning(path, purpose));
    });
    server.listen({ path: socketName(path, purpose) }, () =>
      resolve({
        answerWith: (answers) => {
          respond = answers;
        },
        release: () =>
          new Promise((done) => {
            server.close(() => done());
            for (const socket of asking) socket.destroy();
          }),
      }),
    );
  });
}

/** HL_ALREADY_RUNNING. */
export function alreadyRunning(path: string, purpose: string): HeadlandError {
  const isTraining = purpose === 'train';
  return new HeadlandError(
    'HL_ALREADY_RUNNING',
    isTraining
      ? `another process is training or rolling back in ${path}`
      : `another headland is running in ${path}`,
    {
      remedy: isTraining
        ? 'Wait until it has ended, then try again.'
        : 'Stop it (systemctl stop headland), or set another paths.stateDir.',
      details: { purpose, path },
    },
  );
}

/**
 * Whether another process holds the lock of {@link acquireInstanceLock}, without taking it: the holder
 * answers on its socket.
 * @param directory need not exist
 */
export function isInstanceRunning(directory: string, purpose: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: instanceSocket(directory, purpose) });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

/** Name of the socket of a folder, for {@link askInstance}. @param directory need not exist */
export function instanceSocket(directory: string, purpose: string): string {
  return socketName(realPath(directory), purpose);
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
