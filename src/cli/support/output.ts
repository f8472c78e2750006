import { stringify } from 'yaml';
import { type HeadlandError, isHeadlandError, serialiseError } from '../../base/errors.js';
import { redactedJson, redactText, redactValue } from '../../base/redact.js';

/** What a command's exit code means; docs/reference/cli.md lists them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, refused: 3, interrupted: 130 } as const;

/** Text for people goes to standard output line by line; with --json only one object does. */
export interface OutputOptions {
  json?: boolean;
}

export function printLine(text = ''): void {
  process.stdout.write(`${redactText(text)}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${redactedJson(value)}\n`);
}

/** Facts for people who read them as they would write them in the configuration. */
export function printYaml(value: unknown): void {
  process.stdout.write(stringify(redactValue(value)));
}

/** A remark beside the result, on standard error. */
export function printNote(text: string): void {
  process.stderr.write(`${redactText(text)}\n`);
}

/** Columns padded to their widest cell; numbers are the caller's to format. */
export function table(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths = rows.reduce<number[]>((widest, row) => {
    row.forEach((cell, column) => {
      widest[column] = Math.max(widest[column] ?? 0, cell.length);
    });
    return widest;
  }, []);
  return rows
    .map(
      (row) =>
        indent +
        row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd(),
    )
    .join('\n');
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
  printNote(`headland: ${serialised.code}: ${serialised.message}`);
  if (serialised.remedy) printNote(`  what to do: ${serialised.remedy}`);
  if (!isHeadlandError(error)) printNote(String(serialised.details.stack ?? ''));
  return isConfigError(error) ? EXIT.usage : EXIT.failed;
}

function isConfigError(error: unknown): error is HeadlandError {
  return isHeadlandError(error) && /^HL_(CONFIG|SECRET|USAGE)_/.test(error.code);
}
