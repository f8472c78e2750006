import { isHeadlandError, messageOf } from '../../base/errors.js';
import { makeFolderSync } from '../../base/files/make-folder.js';
import {
  acquireInstanceLock,
  alreadyRunning,
  type InstanceLock,
  isInstanceRunning,
} from '../../host/instance-lock.js';
import { type FolderLock, isFolderLocked, lockFolder } from '../../storage/folder-lock.js';

export interface StateLock extends InstanceLock {
  /**
   * Why the folder itself could not be locked, so that processes of other network namespaces do not
   * notice; null: it is locked.
   */
  readonly unlocked: string | null;
}

/**
 * Locks a state folder for a purpose: by a file in it, which processes in other containers see, too, and
 * by a socket, on which the holder answers. On a disk that cannot be written the socket has to do, because
 * the robot must start.
 * @param directory need not exist
 * @param options.create makes the folder (mode 0700) when it is missing
 * @throws HeadlandError HL_ALREADY_RUNNING when another process holds it
 */
export async function acquireStateLock(
  directory: string,
  purpose: string,
  { create = false }: { create?: boolean } = {},
): Promise<StateLock> {
  const folder = tryFolder(directory, purpose, create);
  const lock = typeof folder === 'string' ? null : folder;
  try {
    const socket = await acquireInstanceLock(directory, purpose);
    return {
      answerWith: (respond) => socket.answerWith(respond),
      release: async () => {
        await socket.release();
        lock?.release();
      },
      unlocked: typeof folder === 'string' ? folder : null,
    };
  } catch (error) {
    lock?.release();
    throw error;
  }
}

/**
 * Whether a process holds the lock of {@link acquireStateLock}, also one in another container. For a process
 * that holds none itself.
 */
export async function isStateLocked(directory: string, purpose: string): Promise<boolean> {
  return (await isInstanceRunning(directory, purpose)) || isFolderLocked(directory, purpose);
}

/** @returns a string: why it cannot be locked */
function tryFolder(directory: string, purpose: string, create: boolean): FolderLock | string {
  try {
    if (create) makeFolderSync(directory, 0o700);
    return lockFolder(directory, purpose);
  } catch (error) {
    if (isHeadlandError(error, 'HL_STORE_BUSY')) throw alreadyRunning(directory, purpose);
    return messageOf(error);
  }
}
