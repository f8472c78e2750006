import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { HANG_MS } from '../liveness.js';

/** For `test(…, { skip })`: false when system calls can be watched here. */
export const withoutStrace: string | false =
  spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
    ? false
    : 'strace is missing or not allowed: apt-get install strace';

const WATCHED = 'write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2';

/**
 * Runs a program and returns what it asked the kernel to do to the files of `folder`, in order:
 * `write file`, `sync file`, `rename from to`. `.` is the folder itself; the random part of temporary
 * names is left out; what failed is left out too.
 *
 * @param program source of an ES module
 */
export function diskCalls(folder: string, program: string): string[] {
  const traceFolder = mkdtempSync(join(tmpdir(), 'headland-trace-'));
  try {
    const trace = join(traceFolder, 'trace');
    const options = ['-f', '-qq', '-y', '-s', '0', '-e', `trace=${WATCHED}`, '-o', trace];
    const { status, stderr } = spawnSync(
      'strace',
      [...options, process.execPath, '--input-type=module', '--eval', program],
      { encoding: 'utf8', timeout: HANG_MS },
    );
    if (status !== 0) throw new Error(`the program ended with ${status}: ${stderr}`);
    return callsIn(readFileSync(trace, 'utf8'), realpathSync(folder));
  } finally {
    rmSync(traceFolder, { recursive: true });
  }
}

function callsIn(trace: string, folder: string): string[] {
  return trace.split('\n').flatMap((line) => {
    // Calls of two threads that overlap are written in two halves: the first one has what was asked.
    const [, name, rest] = /^\d+ +(\w+)\((.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined || / = -1 E/.test(rest)) return [];
    const paths = name.startsWith('rename')
      ? [...rest.matchAll(/"([^"]*)"/g)].map(([, path]) => path!)
      : [/^\d+<([^>]*)>/.exec(rest)?.[1] ?? ''];
    if (!paths.every((path) => path === folder || path.startsWith(`${folder}/`))) return [];
    const shown = paths.map((path) => nameIn(folder, path)).join(' ');
    return [`${verbOf(name)} ${shown}`];
  });
}

function nameIn(folder: string, path: string): string {
  return (relative(folder, path) || '.').replaceAll(/\.[0-9a-f]{12}\.tmp/g, '.tmp');
}

function verbOf(call: string): string {
  if (call.startsWith('rename')) return 'rename';
  return call.endsWith('sync') ? 'sync' : 'write';
}
