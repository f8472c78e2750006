import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** The system calls that change what is on a disk, and those that say which file a number means. */
export const TRACED_CALLS =
  'open,openat,creat,close,dup,dup2,dup3,fcntl,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,' +
  'fallocate,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,' +
  'mkdirat,symlink,symlinkat,link,linkat,copy_file_range,sendfile,io_uring_setup';

export interface SystemCall {
  /** It has begun, and another thread did something before it ended; `returned` is not known yet. */
  isBegin: boolean;
  thread: string;
  name: string;
  /** Arguments as strace writes them: strings in quotes as `\x` pairs. */
  given: string[];
  /** What it returned; negative: it failed. */
  returned: number;
}

const LINE = /^(\d+) +(?:<\.\.\. (\w+) resumed>)?(.*)$/;
const WHOLE = /^(\w+)\((.*)\) += (-?\d+|\?)/;
const BEGIN = /^(\w+)\((.*)$/;
const UNFINISHED = ' <unfinished ...>';

/**
 * Reads what `strace -f -xx -o FILE` has written, call by call in the order in which they ended. A call of
 * one thread that overlaps with those of others comes twice: when it begins and when it ends.
 */
export async function* readSystemCalls(file: string): AsyncGenerator<SystemCall> {
  const begun = new Map<string, string>();
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const [, thread = '', resumed, rest = ''] = LINE.exec(line) ?? [];
    if (rest.endsWith(UNFINISHED)) {
      const half = rest.slice(0, -UNFINISHED.length);
      begun.set(thread, half);
      const [, name = '', given = ''] = BEGIN.exec(half) ?? [];
      yield { isBegin: true, thread, name, given: splitArguments(given), returned: 0 };
      continue;
    }
    const text = (resumed === undefined ? '' : (begun.get(thread) ?? '')) + rest.trimStart();
    const [, name, given = '', returned] = WHOLE.exec(text) ?? [];
    // Signals, ends of threads, and a call that the end of the process cut off.
    if (name === undefined || returned === '?') continue;
    yield {
      isBegin: false,
      thread,
      name,
      given: splitArguments(given),
      returned: Number(returned),
    };
  }
}

/** No string of strace -xx has a comma in it. */
function splitArguments(text: string): string[] {
  return text.split(', ');
}

/** The bytes of a string argument. */
export function bytesOf(argument: string): Buffer {
  if (!argument.endsWith('"')) throw new Error('strace has cut a string: give it a larger -s');
  return Buffer.from(argument.slice(1, -1).replaceAll('\\x', ''), 'hex');
}
