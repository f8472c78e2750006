import { type HeadlandError, isHeadlandError, serialiseError } from '../../base/errors.js';

/** What a command's exit code means; docs/reference/cli.md lists them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, refused: 3, interrupted: 130 } as const;

/** Text for people goes to standard output line by line; with --json only one object does. */
export interface OutputOptions {
  json?: boolean;
}

export function printLine(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
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
  process.stderr.write(`headland: ${serialised.code}: ${serialised.message}\n`);
  if (serialised.remedy) process.stderr.write(`  what to do: ${serialised.remedy}\n`);
  if (!isHeadlandError(error)) process.stderr.write(`${String(serialised.details.stack ?? '')}\n`);
  return isConfigError(error) ? EXIT.usage : EXIT.failed;
}

function isConfigError(error: unknown): error is HeadlandError {
  return isHeadlandError(error) && /^HL_(CONFIG|SECRET|USAGE)_/.test(error.code);
}
