import { fstatSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import type { LogMemory } from './log-memory.js';
import { logText } from './log-text.js';
import { redactJsonLine } from './redact.js';

export type Log = Logger;

const require = createRequire(import.meta.url);
/** On demand: most commands that could log have no reason to, and loading it takes 30 ms. */
const loadPino = (): typeof import('pino') => require('pino');

/** Numeric pino level to syslog priority, the `<N>` prefix that journald reads. */
const SYSLOG_PRIORITY: Record<number, number> = { 60: 2, 50: 3, 40: 4, 30: 6, 20: 7, 10: 7 };

const REDACTED = [
  'password',
  'token',
  'secret',
  'key',
  '*.password',
  '*.token',
  '*.secret',
  '*.key',
];

export interface LogOptions {
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** 1 = stdout (journald), 2 = stderr (commands whose stdout is data). */
  fileDescriptor?: 1 | 2;
  /** `auto`: text on the journal, else JSON. Default auto. */
  format?: 'auto' | 'text' | 'json';
  /** To recognise the journal by JOURNAL_STREAM; default: none is recognised. */
  environment?: NodeJS.ProcessEnv;
  bindings?: Record<string, unknown>;
  /** Gets each entry as a line of JSON without secrets, instead of the file descriptor. */
  sink?: (line: string) => void;
  /** Keeps the lines from level `info` on, whatever level is written. */
  memory?: LogMemory;
}

const INFO = 30;

interface LineStream {
  write(line: string): void;
}

/**
 * Whether the output is the journal: systemd.exec(5) says in JOURNAL_STREAM which device and inode
 * that is. A program that redirects its output inherits the variable, but not the file.
 */
function isJournal(fd: number, { JOURNAL_STREAM }: NodeJS.ProcessEnv): boolean {
  if (!JOURNAL_STREAM) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return JOURNAL_STREAM === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/**
 * Synchronous lines of JSON or text: a crash never loses the line that explains it. On the journal each
 * line begins with its priority.
 */
export function createLog(options: LogOptions): Log {
  const { sink } = options;
  return pinoLog(options, sink ? sinkStream(options, sink) : fileStream(options));
}

function sinkStream(options: LogOptions, sink: (line: string) => void): LineStream {
  const { memory } = options;
  const written = writtenLevel(options);
  return {
    write: (line) => {
      const level = levelOf(line);
      const redacted = redactJsonLine(line);
      if (memory && level >= INFO) memory.add(redacted);
      if (level >= written) sink(redacted);
    },
  };
}

function fileStream(options: LogOptions): LineStream {
  const fd = options.fileDescriptor ?? 1;
  const output = loadPino().destination({ fd, sync: true });
  const journal = isJournal(fd, options.environment ?? {});
  const { format = 'auto' } = options;
  const asText = format === 'text' || (format === 'auto' && journal);
  const { memory } = options;
  const written = writtenLevel(options);
  return {
    write(line: string): void {
      const level = levelOf(line);
      if (memory && level >= INFO) memory.add(redactJsonLine(line));
      if (level < written) return;
      const prefix = journal ? `<${SYSLOG_PRIORITY[level] ?? 6}>` : '';
      const redacted = redactJsonLine(line);
      const lines = asText ? logText(redacted) : [redacted.trimEnd()];
      output.write(lines.map((text) => `${prefix}${text}\n`).join(''));
    },
  };
}

function levelOf(line: string): number {
  return Number(/"level":(\d+)/.exec(line)?.[1] ?? INFO);
}

/** Least level that is written; `memory` keeps more. */
function writtenLevel({ level }: LogOptions): number {
  return level === 'silent' ? Number.POSITIVE_INFINITY : loadPino().levels.values[level]!;
}

function pinoLog(options: LogOptions, stream: LineStream): Log {
  const { pino } = loadPino();
  return pino(
    {
      level: options.memory && writtenLevel(options) > INFO ? 'info' : options.level,
      base: options.bindings ?? null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: REDACTED, censor: '[redacted]' },
    },
    stream,
  );
}

export function silentLog(): Log {
  return loadPino().pino({ level: 'silent' });
}
