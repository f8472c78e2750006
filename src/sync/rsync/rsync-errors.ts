import { codeOf, HeadlandError, messageOf } from '../../base/errors.js';
import { denied, quoteServer, targetFull, targetMissing, unreachable } from '../sync-errors.js';

/** Exit codes of rsync (rsync(1), EXIT VALUES), in words. */
const WORDS: ReadonlyMap<number, string> = new Map([
  [1, 'it does not know an option: it is older than 3.1'],
  [2, 'the rsync of the server is too old'],
  [3, 'a file or folder cannot be chosen'],
  [4, 'the server does not support this'],
  [5, 'the server refused the connection'],
  [6, 'the server cannot append to its log'],
  [10, 'the connection failed'],
  [11, 'a file cannot be read or written'],
  [12, 'the connection broke, or no rsync answers there'],
  [13, 'the output of the server cannot be read'],
  [14, 'a helper program cannot be started'],
  [20, 'it was interrupted'],
  [21, 'a process cannot be awaited'],
  [22, 'it has not enough memory'],
  [23, 'some files were not stored'],
  [24, 'files vanished during the transfer'],
  [25, 'the limit of deletions was reached'],
  [30, 'the server sent nothing for too long'],
  [35, 'the server did not answer in time'],
  [124, 'the command on the server failed'],
  [125, 'the command on the server was killed'],
  [126, 'the command on the server cannot be started'],
  [127, 'rsync is not installed on the server'],
  [255, 'ssh cannot connect'],
]);

const NETWORK: ReadonlySet<number> = new Set([10, 12, 30, 35, 255]);

/**
 * The error of a run of rsync that failed.
 * @param code null: ended by a signal
 */
export function rsyncError(where: string, code: number | null, stderr: string): HeadlandError {
  const word = code === null ? 'it was ended by a signal' : WORDS.get(code);
  const problem = [`rsync: ${word ?? 'unknown error'} (exit code ${code ?? 'none'})`, said(stderr)]
    .filter((part) => part !== '')
    .join(': ');
  if (/No space left on device|Disk quota exceeded/i.test(stderr))
    return targetFull(where, problem);
  if (/Failed to exec ssh/i.test(stderr)) return programMissing('ssh', 'openssh-client', problem);
  if (code === 127 || /rsync: (?:command )?not found/i.test(stderr)) {
    return programMissing('rsync', 'rsync', `${where}: ${problem}; install it on the server`);
  }
  if (/Host key verification failed/i.test(stderr)) return hostUnknown(where, problem);
  if (/auth failed|Permission denied|access denied|read only/i.test(stderr)) {
    return denied(where, problem);
  }
  if (/Unknown module|chdir failed|No such file or directory/i.test(stderr)) {
    return targetMissing(where, problem);
  }
  if (code !== null && NETWORK.has(code)) return unreachable(where, problem);
  return new HeadlandError('HL_SYNC_RSYNC_FAILED', `${where}: ${problem}`, {
    remedy: 'Read the message of rsync, and the log of the server. Sending continues by itself.',
    details: { where, exitCode: code },
  });
}

/** The error of a program that cannot be started. */
export function cannotStart(error: unknown): HeadlandError {
  if (codeOf(error) === 'ENOENT') return programMissing('rsync', 'rsync', 'rsync is not installed');
  return new HeadlandError('HL_SYNC_RSYNC_FAILED', `rsync cannot start: ${messageOf(error)}`, {
    remedy: 'Correct what the message names.',
    cause: error,
  });
}

function programMissing(program: string, debianPackage: string, problem: string): HeadlandError {
  return new HeadlandError('HL_SYNC_PROGRAM_MISSING', problem, {
    remedy: `Run: sudo apt install ${debianPackage}`,
    details: { program },
  });
}

function hostUnknown(where: string, problem: string): HeadlandError {
  return new HeadlandError('HL_SYNC_HOST_UNKNOWN', `${where}: ${problem}`, {
    remedy:
      'Write the host key of the server into sync.rsync.knownHostsFile: ssh-keyscan HOST > FILE; compare it with that of the server.',
    details: { where },
  });
}

/** The first lines in which rsync or ssh name the reason. */
function said(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.filter((line) => !/^rsync error:/.test(line));
  return quoteServer((telling.length > 0 ? telling : lines).slice(0, 2).join('; '));
}
