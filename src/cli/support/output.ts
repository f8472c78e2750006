import { type HeadlandError, isHeadlandError, serialiseError } from '../../base/errors.js';
import { redactedJson, redactText } from '../../base/redact.js';
import { layOutTable, textColumns, wrapText } from './prose.js';

/** Exit codes of commands, documented in docs/reference/cli.md. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  interrupted: 130,
  /** The code that shells report for a program ended by SIGPIPE: 128 + 13. */
  pipeClosed: 141,
} as const;

/** With `json`, standard output contains one JSON object; otherwise text for people. */
export interface OutputOptions {
  json?: boolean;
}

/** Prints text for people, wrapped to the terminal. */
export function printLine(text = ''): void {
  process.stdout.write(`${forPeople(text, process.stdout)}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${redactedJson(value)}\n`);
}

/** As {@link printLine}, on standard error: for notes and progress. */
export function printNote(text: string): void {
  process.stderr.write(`${forPeople(text, process.stderr)}\n`);
}

function forPeople(text: string, stream: NodeJS.WriteStream): string {
  return wrapText(redactText(text), textColumns(stream, process.env));
}

/** Lays out a table; see {@link layOutTable}. */
export function table(rows: readonly (readonly string[])[], indent = '  '): string {
  return layOutTable(rows, indent, textColumns(process.stdout, process.env));
}

export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Prints an error with its remedy; returns the exit code. */
export function reportFailure(error: unknown, options: OutputOptions): number {
  const serialised = serialiseError(error);
  if (options.json) printJson({ error: serialised });
  printNote(`headland: ${serialised.code}: ${serialised.message.trimEnd()}`);
  if (serialised.remedy) printNote(`  what to do: ${serialised.remedy}`);
  // Not wrapped, because tools parse stack traces by line.
  if (!isHeadlandError(error)) {
    process.stderr.write(`${redactText(String(serialised.details.stack ?? ''))}\n`);
  }
  if (isHeadlandError(error) && error.code.endsWith('_CANCELLED')) return EXIT.interrupted;
  return isConfigError(error) ? EXIT.usage : EXIT.failed;
}

/**
 * Ends the process silently when the reader of its output has closed the pipe (`headland models list |
 * head`). Node ignores SIGPIPE, so the failed write must end it.
 */
export function endWhenPipeCloses(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(EXIT.pipeClosed);
      throw error;
    });
  }
}

function isConfigError(error: unknown): error is HeadlandError {
  return isHeadlandError(error) && /^HL_(CONFIG|SECRET|USAGE)_/.test(error.code);
}
