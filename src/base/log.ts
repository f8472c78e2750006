import { destination, type Logger, pino } from 'pino';
import { redactJsonLine } from './redact.js';

export type Log = Logger;

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
  /** Prefix each line with its journald priority; set when stdout is the journal. */
  journal?: boolean;
  bindings?: Record<string, unknown>;
}

/** Synchronous JSON lines: a crash never loses the line that explains it. */
export function createLog(options: LogOptions): Log {
  const fd = options.fileDescriptor ?? 1;
  const sink = destination({ fd, sync: true });
  const stream = {
    write(line: string): void {
      const level = Number(/"level":(\d+)/.exec(line)?.[1] ?? 30);
      const prefix = options.journal ? `<${SYSLOG_PRIORITY[level] ?? 6}>` : '';
      sink.write(prefix + redactJsonLine(line));
    },
  };
  return pino(
    {
      level: options.level,
      base: options.bindings ?? null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: REDACTED, censor: '[redacted]' },
    },
    stream,
  );
}

export function silentLog(): Log {
  return pino({ level: 'silent' });
}
