import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of the repository: the tests run from dist/test/. */
export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

/** A small change of the source that breaks one promise. A test has to notice it. */
export interface Mutant {
  /** What is promised and broken here; no two mutants attack the same. */
  promise: string;
  /** From the root of the repository, with "/". */
  file: string;
  /** Stands once in the file: code, not prose, and no more of it than that takes. */
  text: string;
  replacement: string;
  /** Each of these must turn red. */
  tests: readonly TestSelection[];
}

export interface TestSelection {
  /** The source of the test, from the root of the repository. */
  file: string;
  /** Regular expression: only tests with such a name run. Absent: all of the file. */
  names?: string;
}

/** What a progress line, a survivor and `--only` call it. */
export function titleOf({ file, promise }: Mutant): string {
  return `${file}: ${promise}`;
}

/** The source with the mutation in it. @throws Error when the text is not there exactly once */
export function mutate({ text, replacement }: Mutant, source: string): string {
  if (text === replacement) throw new Error('the replacement is the text itself');
  const parts = source.split(text);
  if (parts.length === 2) return parts.join(replacement);
  throw new Error(
    parts.length === 1
      ? `the text is gone: ${JSON.stringify(text)}. Copy it again from where the promise is kept now.`
      : `the text stands ${parts.length - 1} times: ${JSON.stringify(text)}. Take more of its line.`,
  );
}

/** The mutated source, read from `root`. @throws Error as {@link mutate}, or when there is no file */
export function mutatedSource(mutant: Mutant, root: string): string {
  return mutate(mutant, readFileSync(join(root, mutant.file), 'utf8'));
}

/** Whether a source is part of the page, which is built as a whole. */
export function isOfPage(file: string): boolean {
  return /^src\/(page|console\/page|fleet\/hub\/page)\//.test(file);
}

/** Where the compiler puts a source. */
export function compiledPath(source: string): string {
  return join('dist', source.replace(/\.ts$/, '.js'));
}
