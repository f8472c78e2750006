import { execFile } from 'node:child_process';

/** How a program ended. */
export interface Ended {
  /** Exit code; null: it could not be started, or a signal or the time limit ended it. */
  status: number | null;
  stdout: string;
  stderr: string;
}

const MAX_OUTPUT_BYTES = 8_388_608;

/**
 * Runs a program without a shell, in the C locale, and collects its output, at most 8 MiB. Never rejects.
 * @param environment names the path on which the program is looked for
 */
export function runToEnd(
  [command = '', ...args]: readonly string[],
  { environment, timeoutMs }: { environment: NodeJS.ProcessEnv; timeoutMs: number },
): Promise<Ended> {
  return new Promise((resolve) => {
    const options = {
      env: { ...environment, LC_ALL: 'C', SYSTEMD_COLORS: '0', SYSTEMD_PAGER: '' },
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_OUTPUT_BYTES,
      encoding: 'utf8',
    } as const;
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      resolve({ status: typeof code === 'number' ? code : null, stdout, stderr });
    });
  });
}
