import { HeadlandError, messageOf } from '../../base/errors.js';
import { loadKoffi } from '../load-koffi.js';

/** fcntl(2): sets the flags of a descriptor. */
const F_SETFD = 2;
/** Standard input, output and error output. */
const KEPT_DESCRIPTORS = [0, 1, 2];

interface Libc {
  execve(path: string, args: (string | null)[], environment: (string | null)[]): unknown;
  /** Keeps a descriptor open in the program that follows; Node.js has said otherwise. */
  keepOpen(descriptor: number): void;
}

/**
 * Finds out whether a process can be replaced on this machine, and makes everything ready for it.
 * @returns the call itself, for the end of the process; null: it cannot
 */
export function processReplacer(
  load = loadKoffi,
): ((environment: NodeJS.ProcessEnv) => never) | null {
  try {
    const libc = load().load(null);
    const execve = libc.func('int execve(const char *path, const char **args, const char **env)');
    const fcntl = libc.func('int fcntl(int descriptor, int command, ...)');
    const calls: Libc = {
      execve,
      keepOpen: (descriptor) => void fcntl(descriptor, F_SETFD, 'int', 0),
    };
    return (environment) => replaceProcess(calls, environment);
  } catch {
    return null;
  }
}

/**
 * Runs this program anew in this process, as execve(2) does: the process id, standard output, the terminal
 * and what systemd or a container knows of the process stay. Everything that must end in order has ended
 * before. Node.js has such a call of its own only since version 22.15.
 * @throws HeadlandError HL_RESTART_UNAVAILABLE when the kernel refuses
 */
function replaceProcess(libc: Libc, environment: NodeJS.ProcessEnv): never {
  const { execPath, execArgv, argv } = process;
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value ?? ''}`);
  let failure = 'the kernel refuses';
  try {
    for (const descriptor of KEPT_DESCRIPTORS) libc.keepOpen(descriptor);
    libc.execve(execPath, [execPath, ...execArgv, ...argv.slice(1), null], [...variables, null]);
  } catch (error) {
    failure = messageOf(error);
  }
  throw new HeadlandError('HL_RESTART_UNAVAILABLE', `cannot start ${execPath} again: ${failure}`, {
    remedy: 'Start the daemon again, the way that it was started.',
  });
}
