import { messageOf } from '../errors.js';

const WORDS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied'],
  ['EBUSY', 'another program uses it'],
  ['EDQUOT', 'the quota of this user is used up'],
  ['EHOSTDOWN', 'the computer that holds it does not answer'],
  ['EIO', 'the disk fails to read or write it'],
  ['EISDIR', 'it is a folder'],
  ['ELOOP', 'its links lead in a circle'],
  ['EMFILE', 'too many files are open'],
  ['ENAMETOOLONG', 'its name is too long'],
  ['ENFILE', 'too many files are open'],
  ['ENOENT', 'it does not exist'],
  ['ENOSPC', 'the disk is full'],
  ['ENOTCONN', 'the network folder is not connected'],
  ['ENOTDIR', 'it is a file, or lies in one, where a folder is needed'],
  ['ENXIO', 'its device is gone'],
  ['EPERM', 'the system does not permit it'],
  ['EROFS', 'the disk is read-only'],
  ['ESTALE', 'the network folder has lost it'],
  ['ETIMEDOUT', 'the network folder does not answer'],
]);

/** Whether an error comes from the file system: it concerns a file, not the program. */
export function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && typeof error.syscall === 'string';
}

/** What stands in the way of a file, in words that follow "cannot be read: ". */
export function fileProblem(error: unknown): string {
  if (!isFileError(error)) return messageOf(error);
  const words = WORDS.get(error.code ?? '');
  return words ?? `the system answers ${error.code ?? ''} (${error.errno ?? 'no number'})`;
}
