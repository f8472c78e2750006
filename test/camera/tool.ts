import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../temporary-folder.js';

/** What a program does in place of the one whose transcript it plays back. */
export interface Playback {
  /** Written to standard error first. */
  stderr?: string;
  /** Then written to standard output. */
  stdout?: Uint8Array | string;
  /** Exit code; null: it goes on without another word. */
  exit: number | null;
}

/** Gives this process another search path until the test ends. */
export function withPath(t: TestContext, path: string): void {
  const before = process.env.PATH;
  process.env.PATH = path;
  t.after(() => {
    process.env.PATH = before;
  });
}

/** Executables that play transcripts back, in a folder that is put in front of the search path. */
export class PlaybackTools {
  readonly folder: string;

  constructor(t: TestContext, options: { alone?: boolean } = {}) {
    this.folder = join(temporaryFolder(t), 'bin');
    mkdirSync(this.folder);
    withPath(t, options.alone ? this.folder : `${this.folder}:${process.env.PATH}`);
  }

  /** Installs a tool; `branches` are tried in order: a shell pattern on the arguments, what is done. */
  install(command: string, branches: { arguments: string; does: Playback }[]): void {
    const log = join(this.folder, `${command}.log`);
    writeFileSync(log, '');
    const cases = branches.map(({ arguments: pattern, does }, index) => {
      const path = join(this.folder, `${command}.${index}`);
      writeFileSync(`${path}.stderr`, does.stderr ?? '');
      writeFileSync(`${path}.stdout`, does.stdout ?? '');
      const end = does.exit === null ? 'exec /bin/sleep 600' : `exit ${does.exit}`;
      return `${pattern}) /bin/cat '${path}.stderr' >&2; /bin/cat '${path}.stdout'; ${end};;`;
    });
    const script = ['#!/bin/sh', `echo "$*" >>'${log}'`, 'case "$*" in', ...cases, 'esac'];
    writeFileSync(join(this.folder, command), script.join('\n'));
    chmodSync(join(this.folder, command), 0o755);
  }

  /** The arguments of each run so far, joined by blanks. */
  runs(command: string): string[] {
    return readFileSync(join(this.folder, `${command}.log`), 'utf8')
      .split('\n')
      .slice(0, -1);
  }
}

/** A file below test/camera/fixtures/. */
export function fixture(path: string): string {
  return readFileSync(
    fileURLToPath(new URL(`../../../test/camera/fixtures/${path}`, import.meta.url)),
    'utf8',
  );
}
