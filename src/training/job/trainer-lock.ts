import { dirname } from 'node:path';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { pause } from '../../base/pause.js';
import { type FolderLock, lockFolder } from '../../storage/folder-lock.js';

/** A training that has lost its parent ends within half a second. */
const WAIT_MS = 5_000;
const RETRY_MS = 100;

/**
 * The lock of the process that trains, beside that of the process which started it: it lasts as long as
 * the training itself. Where the folder cannot be locked, a training goes on without.
 * @throws HeadlandError HL_TRAINING_RUNNING when another training process is there and stays
 */
export async function lockTrainer(dbPath: string, log: Log): Promise<FolderLock | null> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    try {
      return lockFolder(dirname(dbPath), 'trainer');
    } catch (error) {
      if (!isHeadlandError(error, 'HL_STORE_BUSY')) {
        log.warn({ err: error }, 'the training cannot be locked');
        return null;
      }
      if (performance.now() > deadline) throw otherTraining(error);
    }
    await pause(RETRY_MS);
  }
}

function otherTraining(cause: unknown): HeadlandError {
  return new HeadlandError('HL_TRAINING_RUNNING', 'another training process is running', {
    remedy: 'Wait for its report, then try again.',
    cause,
  });
}
