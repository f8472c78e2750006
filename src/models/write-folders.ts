import { join } from 'node:path';
import { HeadlandError, messageOf } from '../base/errors.js';
import { makeFolder } from '../base/files/make-folder.js';

/**
 * Writes into the cache of backbones, which is created when absent.
 * @throws HeadlandError HL_MODEL_CACHE_UNWRITABLE for whatever `write` throws
 */
export async function inCache<T>(cacheDir: string, write: () => Promise<T>): Promise<T> {
  try {
    await makeFolder(join(cacheDir, 'backbones'));
    return await write();
  } catch (cause) {
    throw new HeadlandError(
      'HL_MODEL_CACHE_UNWRITABLE',
      `the model cache ${cacheDir} cannot be written: ${messageOf(cause)}`,
      {
        remedy:
          'Free space there, give this user write access to the folder, or set paths.cacheDir (--cache).',
        details: { cacheDir },
        cause,
      },
    );
  }
}

/**
 * Writes into the folder of added backbones.
 * @throws HeadlandError HL_MODEL_CACHE_UNWRITABLE
 */
export async function inAddedFolder(addedDir: string, change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (cause) {
    throw new HeadlandError(
      'HL_MODEL_CACHE_UNWRITABLE',
      `the folder of added backbones ${addedDir} cannot be written: ${messageOf(cause)}`,
      {
        remedy:
          'Free space there, give this user write access to the folder, or set paths.stateDir (--state).',
        details: { addedDir },
        cause,
      },
    );
  }
}
