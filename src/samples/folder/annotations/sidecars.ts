import { readFile, stat } from 'node:fs/promises';
import { fileProblem } from '../../../base/files/file-problem.js';
import { type Folder, type FolderFile, visit } from '../../../vision/folder/folder-tree.js';
import { type ManifestEntry, readManifestEntry, SIDECAR_ENDING } from '../manifest.js';

/** Far above that of any sidecar. */
const MAX_BYTES = 65_536;

export interface Sidecars {
  /** By name of the picture, relative to the folder. */
  entries: ReadonlyMap<string, ManifestEntry>;
  /** Messages about sidecars that cannot be used. */
  invalid: readonly string[];
}

/** Reads the sidecars that `headland sync` writes beside pictures. */
export async function readSidecars(root: Folder): Promise<Sidecars> {
  const files: { file: FolderFile; name: string }[] = [];
  visit(root, '', (file, name) => {
    if (file.name.text.endsWith(SIDECAR_ENDING)) files.push({ file, name });
  });
  const entries = new Map<string, ManifestEntry>();
  const invalid: string[] = [];
  for (const { file, name } of files) {
    const entry = await readOne(file.path);
    if (typeof entry === 'string') invalid.push(`${name} ${entry}`);
    else entries.set(name.slice(0, name.lastIndexOf('/') + 1) + entry.file, entry);
  }
  return { entries, invalid };
}

/** @returns in words that follow its name, why the sidecar cannot be used */
async function readOne(path: Buffer): Promise<ManifestEntry | string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) return `has more than ${MAX_BYTES} bytes`;
    return readManifestEntry(await readFile(path, 'utf8')) ?? 'is not a sidecar of headland sync';
  } catch (error) {
    return `cannot be read: ${fileProblem(error)}`;
  }
}
