import { messageOf } from '../errors.js';

const WORDS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied'],
  ['EBUSY', 'another program uses it'],
  ['EDQUOT', 'the disk quota of this user is used up'],
  ['EHOSTDOWN', 'its file server does not answer'],
  ['EIO', 'the disk reports an I/O error'],
  ['EISDIR', 'it is a folder'],
  ['ELOOP', 'it is a symbolic link, or its links form a loop'],
  ['EMFILE', 'too many files are open'],
  ['ENAMETOOLONG', 'its name is too long'],
  ['ENFILE', 'too many files are open'],
  ['ENOENT', 'it does not exist'],
  ['ENOSPC', 'the disk is full'],
  ['ENOTCONN', 'the network folder is not connected'],
  ['ENOTDIR', 'it, or a part of its path, is a file, not a folder'],
  ['ENXIO', 'its device is gone'],
  ['EPERM', 'the operation is not permitted'],
  ['EROFS', 'the disk is read-only'],
  ['ESTALE', 'it is gone from the network folder'],
  ['ETIMEDOUT', 'the network folder does not answer'],
]);

/** Whether an error comes from a system call, such as a file operation, not from the program. */
export function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && typeof error.syscall === 'string';
}

/** Why a file cannot be used, in words that follow "cannot be read: ". */
export function fileProblem(error: unknown): string {
  if (!isFileError(error)) return messageOf(error);
  const words = WORDS.get(error.code ?? '');
  return words ?? `system error ${error.code ?? ''} (${error.errno ?? 'no number'})`;
}
