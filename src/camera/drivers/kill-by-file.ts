import { readFile } from 'node:fs/promises';
import { pause } from '../../base/pause.js';

const KILL_LIMIT_MS = 2_000;
const KILL_POLL_MS = 20;

/**
 * Kills the child of this process whose id is in a file, once the file is written. Resolves when
 * `ended` settles, or after 2 s if the process survives SIGKILL.
 */
export async function killByFile(processIdFile: string, ended: Promise<unknown>): Promise<void> {
  let gone = false;
  void ended.then(() => {
    gone = true;
  });
  const limitMs = performance.now() + KILL_LIMIT_MS;
  while (!gone && performance.now() < limitMs) {
    const processId = Number(await readFile(processIdFile, 'utf8').catch(() => ''));
    if (processId > 0 && (await isOurChild(processId))) process.kill(processId, 'SIGKILL');
    await Promise.race([ended, pause(KILL_POLL_MS)]);
  }
}

/** Process ids are reused: only a child of this process may be killed. */
async function isOurChild(processId: number): Promise<boolean> {
  const status = await readFile(`/proc/${processId}/status`, 'utf8').catch(() => '');
  return status.includes(`\nPPid:\t${process.pid}\n`);
}
