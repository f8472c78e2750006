import { accessSync, constants, existsSync } from 'node:fs';
import { chmod, copyFile, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HeadlandError } from '../../base/errors.js';
import { writeFileDurably } from '../../base/files/durable-files.js';
import { fileProblem } from '../../base/files/file-problem.js';
import { makeFolder } from '../../base/files/make-folder.js';

/** Not secret: the daemon, which runs as another user, must read it. */
const MODE = 0o644;

/**
 * Writes a configuration in one step; an existing one is kept beside it as `.bak`.
 * @returns path of the copy; null: there was no file
 * @throws HeadlandError HL_SETUP_UNWRITABLE
 */
export async function writeSettings(file: string, yaml: string): Promise<string | null> {
  try {
    await makeFolder(dirname(file), 0o755);
    const existing = await readFile(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    const backup = existing === null ? null : `${file}.bak`;
    if (backup !== null) await copyFile(file, backup);
    await writeFileDurably(file, yaml);
    await chmod(file, MODE);
    return backup;
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

/**
 * Finds out before the questions whether a file could be written after them.
 * @throws HeadlandError HL_SETUP_UNWRITABLE
 */
export function requireWritable(file: string): void {
  let folder = dirname(file);
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

export function unwritable(file: string, cause: unknown): HeadlandError {
  return new HeadlandError('HL_SETUP_UNWRITABLE', `cannot write ${file}: ${fileProblem(cause)}`, {
    remedy:
      'Run it as root (sudo headland setup), or name a file that you may write: --config FILE.',
    cause,
  });
}
