import { stringify } from 'yaml';
import { type HeadlandError, isHeadlandError, serialiseError } from '../../base/errors.js';
import { redactedJson, redactText, redactValue } from '../../base/redact.js';
import { layOutTable, textColumns, wrapText } from './prose.js';

/** What a command's exit code means; docs/reference/cli.md lists them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  interrupted: 130,
  /** As a shell reports a program that SIGPIPE ended: 128 + 13. */
  pipeClosed: 141,
} as const;

/** Text for people goes to standard output line by line; with --json only one object does. */
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

/** Facts for people who read them as they would write them in the configuration. */
export function printYaml(value: unknown): void {
  process.stdout.write(stringify(redactValue(value)));
}

/** The same as {@link printLine} on standard error: notes and progress beside the data. */
export function printNote(text: string): void {
  process.stderr.write(`${forPeople(text, process.stderr)}\n`);
}

function forPeople(text: string, stream: NodeJS.WriteStream): string {
  return wrapText(redactText(text), textColumns(stream, process.env));
}

/** Columns padded to their widest cell; numbers are the caller's to format. */
export function table(rows: readonly (readonly string[])[], indent = '  '): string {
  return layOutTable(rows, indent, textColumns(process.stdout, process.env));
}

export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Prints what went wrong and what to do about it; returns the exit code. */
export function reportFailure(error: unknown, options: OutputOptions): number {
  const serialised = serialiseError(error);
  if (options.json) printJson({ error: serialised });
  printNote(`headland: ${serialised.code}: ${serialised.message.trimEnd()}`);
  if (serialised.remedy) printNote(`  what to do: ${serialised.remedy}`);
  // As it stands: a wrapped stack is no stack.
  if (!isHeadlandError(error)) {
    process.stderr.write(`${redactText(String(serialised.details.stack ?? ''))}\n`);
  }
  if (isHeadlandError(error) && error.code.endsWith('_CANCELLED')) return EXIT.interrupted;
  return isConfigError(error) ? EXIT.usage : EXIT.failed;
}

/**
 * Ends the process quietly when whoever read its output has gone (`headland models list | head`).
 * Node ignores SIGPIPE, so the failed write has to end it.
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
