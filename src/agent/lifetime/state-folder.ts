import { join } from 'node:path';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { makeFolderSync } from '../../base/files/make-folder.js';

/** @throws HeadlandError HL_STATE_UNWRITABLE */
export function createStateDir(stateDir: string): void {
  try {
    makeFolderSync(stateDir);
  } catch (error) {
    throw new HeadlandError(
      'HL_STATE_UNWRITABLE',
      `cannot create the state folder ${stateDir}: ${messageOf(error)}`,
      {
        remedy: 'Set paths.stateDir, or --state, to a folder that this user may create or write.',
        cause: error,
      },
    );
  }
}

export function databasePathOf({ paths }: { paths: { stateDir: string } }): string {
  return join(paths.stateDir, 'headland.db');
}
