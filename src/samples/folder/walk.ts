import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import { hasPictureEnding } from '../../vision/sniff.js';
import { normaliseLabel } from '../label.js';

/** Samples that wait for a label stand here in an export; "." keeps it from being a class. */
export const WAITING_FOLDER = '.waiting';

export interface FoundPicture {
  /** Absolute. */
  path: string;
  /** Relative to the imported folder, with "/". */
  name: string;
  /** The class folder's label; null in {@link WAITING_FOLDER}. */
  label: string | null;
}

/** Something in the way, by its name relative to the imported folder. */
export interface Obstacle {
  origin: string;
  code: string;
  message: string;
}

export interface FoundFolder {
  /** Sorted by name. */
  pictures: FoundPicture[];
  /** Class folders; two that differ only in Unicode form share a label. */
  classes: { folder: string; label: string }[];
  refused: Obstacle[];
  /** Class folders whose name cannot be a label. */
  unusable: Obstacle[];
  /** Other files in class folders. */
  ignored: number;
}

/**
 * Lists a folder of class folders, as Keras' `flow_from_directory` reads it: the name of each
 * folder is the label of all pictures in it, however deep. Names beginning with "." are passed
 * over. Links are followed only within the folder.
 * @throws HeadlandError HL_IMPORT_NOT_FOUND, HL_IMPORT_NO_CLASSES
 */
export async function findPictures(dir: string): Promise<FoundFolder> {
  const [root, top] = await openRoot(dir);
  const found: FoundFolder = { pictures: [], classes: [], refused: [], unusable: [], ignored: 0 };
  const walker = new Walker(root, found);
  for (const entry of top) {
    if (entry.name.startsWith('.') && entry.name !== WAITING_FOLDER) continue;
    const target = await walker.resolve(entry, root, entry.name);
    if (target?.kind !== 'folder') continue;
    if (entry.name === WAITING_FOLDER) {
      await walker.walk(target.path, entry.name, null, new Set());
      continue;
    }
    const label = labelOf(entry.name, found);
    if (label === null) continue;
    found.classes.push({ folder: entry.name, label });
    await walker.walk(target.path, entry.name, label, new Set());
  }
  if (found.classes.length === 0 && found.unusable.length === 0 && found.pictures.length === 0) {
    throw new HeadlandError('HL_IMPORT_NO_CLASSES', `${dir} holds no class folder`, {
      remedy:
        'Put the pictures into one folder for each class, named as the class: DIR/weed/1.jpg.',
      details: { dir },
    });
  }
  return found;
}

async function openRoot(dir: string): Promise<[root: string, entries: Dirent[]]> {
  try {
    const root = await realpath(dir);
    return [root, await entriesOf(root)];
  } catch (error) {
    throw new HeadlandError(
      'HL_IMPORT_NOT_FOUND',
      `the folder cannot be read: ${messageOf(error)}`,
      {
        remedy: 'Give the path of a folder that holds one folder of pictures for each class.',
        details: { dir },
        cause: error,
      },
    );
  }
}

class Walker {
  constructor(
    private readonly root: string,
    private readonly found: FoundFolder,
  ) {}

  /** @param visited real paths of this class: a circle of links ends, a tree is read once */
  async walk(path: string, name: string, label: string | null, visited: Set<string>) {
    if (visited.has(path)) return;
    visited.add(path);
    let entries: Dirent[];
    try {
      entries = await entriesOf(path);
    } catch (error) {
      this.refuse(name, 'HL_IMPORT_UNREADABLE', messageOf(error));
      return;
    }
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const childName = `${name}/${entry.name}`;
      const target = await this.resolve(entry, path, childName);
      if (target === null) continue;
      if (target.kind === 'folder') {
        await this.walk(target.path, childName, label, visited);
      } else if (target.kind === 'file' && hasPictureEnding(entry.name)) {
        this.found.pictures.push({ path: target.path, name: childName, label });
      } else {
        this.found.ignored += 1;
      }
    }
  }

  /** What an entry is behind its links; null, and noted, when it cannot be reached or may not be. */
  async resolve(entry: Dirent, folder: string, name: string) {
    const own = join(folder, entry.name);
    if (entry.isDirectory()) return { kind: 'folder' as const, path: own };
    if (entry.isFile()) return { kind: 'file' as const, path: own };
    if (!entry.isSymbolicLink()) return { kind: 'other' as const, path: own };
    try {
      const path = await realpath(own);
      if (path !== this.root && !path.startsWith(this.root + sep)) {
        this.refuse(name, 'HL_IMPORT_LINK_OUTSIDE', 'the link leads out of the imported folder');
        return null;
      }
      const info = await stat(path);
      const kind = info.isDirectory() ? 'folder' : info.isFile() ? 'file' : 'other';
      return { kind, path } as { kind: 'folder' | 'file' | 'other'; path: string };
    } catch (error) {
      this.refuse(name, 'HL_IMPORT_UNREADABLE', messageOf(error));
      return null;
    }
  }

  private refuse(origin: string, code: string, message: string): void {
    this.found.refused.push({ origin, code, message });
  }
}

async function entriesOf(path: string): Promise<Dirent[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function labelOf(folder: string, found: FoundFolder): string | null {
  try {
    return normaliseLabel(folder);
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    found.unusable.push({ origin: folder, code: error.code, message: error.message });
    return null;
  }
}
