import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deserialiseError, HeadlandError } from '../../base/errors.js';
import { endChild } from '../../base/processes/end-child.js';
import { jobEnvironment } from '../../training/job/job-process.js';
import { lowPriorityCommand } from '../../training/job/low-priority.js';
import type { StoreAnswer, StoreOrder } from './store-job-protocol.js';

const JOB = fileURLToPath(new URL('./store-job.js', import.meta.url));
const KEPT_ERROR_CHARACTERS = 2_000;
const NICENESS = 15;

/**
 * Repairs, checks or backs up a database in a process of its own, which leaves the processor to others.
 * @param options.signal ends the process; nothing is half done then
 * @param options.niceness 0 to 19; default 15
 * @throws HeadlandError HL_STORE_…, HL_STORE_JOB_ENDED
 */
export async function runStoreJob(
  order: StoreOrder,
  { signal, niceness = NICENESS }: { signal?: AbortSignal; niceness?: number } = {},
): Promise<Exclude<StoreAnswer, { type: 'failed' }>> {
  const [command = '', ...args] = [...(await lowPriorityCommand(niceness)), process.execPath, JOB];
  const child = spawn(command, args, {
    env: jobEnvironment(process.env),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const end = (): void => void endChild(child, 0);
  signal?.addEventListener('abort', end);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT_ERROR_CHARACTERS);
  });
  try {
    const answer = await new Promise<StoreAnswer | null>((resolve) => {
      let answered: StoreAnswer | null = null;
      child.on('message', (message: StoreAnswer) => {
        answered = message;
      });
      child.on('error', (error) => {
        said ||= error.message;
        if (child.pid === undefined) resolve(null);
      });
      child.on('close', () => resolve(answered));
      if (signal?.aborted) end();
      child.send(order, () => undefined);
    });
    if (answer === null) throw jobEnded(said);
    if (answer.type === 'failed') throw deserialiseError(answer.error);
    return answer;
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

function jobEnded(said: string): HeadlandError {
  const why = said.trim().split('\n').at(-1) ?? '';
  return new HeadlandError(
    'HL_STORE_JOB_ENDED',
    `the process that repairs, checks or backs up the database has ended: ${why || 'it said nothing'}`,
    {
      remedy: 'Free memory, then restart the daemon, or run `headland verify`.',
      details: { said },
    },
  );
}
