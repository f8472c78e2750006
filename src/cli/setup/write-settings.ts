import { accessSync, constants } from 'node:fs';
import { lchown, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, HeadlandError } from '../../base/errors.js';
import { copyDurably, writeFileDurably } from '../../base/files/durable-files.js';
import { fileProblem } from '../../base/files/file-problem.js';
import { makeFolder } from '../../base/files/make-folder.js';
import { nearestExisting } from '../../base/files/nearest-folder.js';

/** Of a new file: the daemon, which runs as another user, must read it. */
const MODE = 0o644;

export interface WrittenSettings {
  /** Path of the copy of the old file; null: there was none. */
  backup: string | null;
  /** Permissions of the file. */
  mode: number;
}

/**
 * Writes a configuration in one step, with the owner and the permissions of an existing one, which is kept
 * beside it as `.bak`, or `.bak.1` and so on: no copy is replaced.
 * @throws HeadlandError HL_SETUP_UNWRITABLE
 */
export async function writeSettings(file: string, yaml: string): Promise<WrittenSettings> {
  try {
    await makeFolder(dirname(file), 0o755);
    const existing = await stat(file).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    });
    const mode = existing === null ? MODE : existing.mode & 0o777;
    const backup = existing === null ? null : await copyBeside(file);
    await writeFileDurably(file, yaml, mode);
    if (existing !== null && process.geteuid?.() === 0) {
      await lchown(file, existing.uid, existing.gid);
    }
    return { backup, mode };
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

/** @returns path of the copy, which has the permissions of the file */
async function copyBeside(file: string): Promise<string> {
  for (let number = 0; ; number++) {
    const copy = number === 0 ? `${file}.bak` : `${file}.bak.${number}`;
    try {
      await copyDurably(file, copy);
      return copy;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}

/**
 * Finds out before the questions whether a file could be written after them.
 * @throws HeadlandError HL_SETUP_UNWRITABLE
 */
export function requireWritable(file: string): void {
  try {
    accessSync(nearestExisting(dirname(file)), constants.W_OK | constants.X_OK);
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
