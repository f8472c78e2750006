import { dirname } from 'node:path';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { type FolderLock, lockFolder } from '../../storage/folder-lock.js';
import { patiently } from '../../storage/store-patience.js';

/**
 * The lock of the process that trains, beside that of the process which started it: it lasts as long as
 * the training itself. One that has lost its parent ends within half a second, and is waited for. Where the
 * folder cannot be locked, a training goes on without.
 * @throws HeadlandError HL_TRAINING_RUNNING when another training process is there and stays
 */
export async function lockTrainer(dbPath: string, log: Log): Promise<FolderLock | null> {
  try {
    return await patiently(() => lockFolder(dirname(dbPath), 'trainer'));
  } catch (error) {
    if (isHeadlandError(error, 'HL_STORE_BUSY')) throw otherTraining(error);
    log.warn({ err: error }, 'the training cannot be locked');
    return null;
  }
}

function otherTraining(cause: unknown): HeadlandError {
  return new HeadlandError('HL_TRAINING_RUNNING', 'another training process is running', {
    remedy: 'Wait for its report, then try again.',
    cause,
  });
}
