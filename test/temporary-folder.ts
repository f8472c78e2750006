import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder of the test's own, closed to other users; it is removed after the test. */
export function temporaryFolder(t: { after(remove: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'headland-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder of the test's own with these files, by their paths below it. */
export function folderWith(
  t: { after(remove: () => void): void },
  files: Record<string, Uint8Array | string>,
): string {
  return writeFiles(temporaryFolder(t), files);
}

/** Writes files, by their paths below `folder`. @returns `folder` */
export function writeFiles(folder: string, files: Record<string, Uint8Array | string>): string {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}
