import { existsSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isFileError } from '../base/files/file-problem.js';
import { makeFolderSync } from '../base/files/make-folder.js';
import { DEFAULT_TASK } from '../base/words/task.js';

/** What a registry has: versions, the pointer and its history. No task has such a name. */
const REGISTRY_ENTRY = /^(?:\d+|current|history\.jsonl)$/;
const MOVING = 'heads.moving';

/**
 * Folder of the heads of a task: `heads/<task>`. The heads of a headland without tasks, which are
 * directly in `heads`, move to the folder of the task `main`; a move that a power cut interrupts is
 * finished at the next call. On a read-only disk they are used where they are. A file in the place of the
 * folder `heads` is moved aside.
 * @param stateDir it may be absent
 */
export function headsFolder(stateDir: string, task: string): string {
  const heads = join(stateDir, 'heads');
  moveFileAside(heads);
  const moved = moveUntasked(stateDir, heads);
  return task === DEFAULT_TASK && !moved ? heads : join(heads, task);
}

/** Where {@link headsFolder} would find the heads of a task, without moving anything. */
export function findHeadsFolder(stateDir: string, task: string): string {
  const heads = join(stateDir, 'heads');
  const moving = join(stateDir, MOVING);
  if (task === DEFAULT_TASK && isUntasked(heads)) return heads;
  return task === DEFAULT_TASK && existsSync(moving) ? moving : join(heads, task);
}

/** @returns false when the heads stay directly in `heads` */
function moveUntasked(stateDir: string, heads: string): boolean {
  const moving = join(stateDir, MOVING);
  try {
    if (isUntasked(heads)) renameSync(heads, moving);
    if (!existsSync(moving)) return true;
    makeFolderSync(heads);
    renameSync(moving, join(heads, DEFAULT_TASK));
    return true;
  } catch {
    return !isUntasked(heads);
  }
}

function isUntasked(heads: string): boolean {
  if (!existsSync(heads) || existsSync(join(heads, DEFAULT_TASK))) return false;
  return entriesOf(heads).some((entry) => REGISTRY_ENTRY.test(entry));
}

/** Nothing that is in the place of the heads must stop the start. */
function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function moveFileAside(path: string): void {
  try {
    if (isFolder(path) === false) renameSync(path, freeName(path));
  } catch {
    // A read-only disk: no head serves then.
  }
}

/** Null: nothing is there, or only a link to nothing, whose disk may come later. */
function isFolder(path: string): boolean | null {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    return isFileError(error) && error.code === 'ELOOP' ? false : null;
  }
}

function freeName(path: string): string {
  for (let copy = 2, name = `${path}.corrupt`; ; copy += 1) {
    if (!existsSync(name)) return name;
    name = `${path}.corrupt-${copy}`;
  }
}
