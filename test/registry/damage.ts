import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What can be in the place of a file. */
export const DAMAGES: Readonly<Record<string, (path: string) => void>> = {
  missing: () => {},
  empty: (path) => writeFileSync(path, ''),
  garbage: (path) => writeFileSync(path, Buffer.from([0, 255, 10, 7, 123, 34, 0, 13, 200])),
  'a folder': (path) => {
    mkdirSync(path);
    writeFileSync(join(path, 'kept'), 'kept');
  },
  'a link to itself': (path) => symlinkSync(path, path),
  'a link to nothing': (path) => symlinkSync('/nowhere/at/all', path),
  'a link to a device': (path) => symlinkSync('/dev/null', path),
  'a pipe': (path) => void execFileSync('mkfifo', [path]),
};

export function damage(path: string, kind: string): void {
  rmSync(path, { recursive: true, force: true });
  DAMAGES[kind]?.(path);
}
