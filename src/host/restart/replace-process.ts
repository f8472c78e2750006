import { HeadlandError, messageOf } from '../../base/errors.js';
import { loadKoffi } from '../load-koffi.js';

/**
 * Finds out whether {@link replaceProcess} works on this machine.
 * @returns the call itself, for the end of the process: then nothing needs to be loaded any more; null: it does not
 */
export function processReplacer(
  load = loadKoffi,
): ((environment: NodeJS.ProcessEnv) => never) | null {
  try {
    const execve = load()
      .load(null)
      .func('int execve(const char *path, const char **arguments, const char **environment)');
    return (environment) => replaceProcess(execve, environment);
  } catch {
    return null;
  }
}

/**
 * Runs this program anew in this process, as execve(2) does: the process id, standard output, the terminal
 * and what systemd or a container knows of the process stay. Everything that must end in order has ended
 * before. Node.js of before version 22.15 has no such call.
 * @throws HeadlandError HL_RESTART_UNAVAILABLE when the kernel refuses
 */
function replaceProcess(
  execve: (path: string, args: (string | null)[], environment: (string | null)[]) => unknown,
  environment: NodeJS.ProcessEnv,
): never {
  const { execPath, execArgv, argv } = process;
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value ?? ''}`);
  const failure = ((): string => {
    try {
      execve(execPath, [execPath, ...execArgv, ...argv.slice(1), null], [...variables, null]);
      return 'the kernel refuses';
    } catch (error) {
      return messageOf(error);
    }
  })();
  throw new HeadlandError('HL_RESTART_UNAVAILABLE', `cannot start ${execPath} again: ${failure}`, {
    remedy: 'Start the daemon again, the way that it was started.',
  });
}
