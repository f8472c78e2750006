import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { fileProblem } from '../../base/files/file-problem.js';
import { hasPictureEnding } from '../sniff.js';
import { type FileName, joinPath, readFileName } from './file-name.js';
import { isLeftover } from './leftovers.js';

/** A folder with its contents. A link to a parent makes it a cycle. */
export interface Folder {
  /** With all links resolved. */
  path: Buffer;
  /** By name. */
  folders: Subfolder[];
  /** By name. */
  files: FolderFile[];
  obstacles: FolderObstacle[];
}

export interface Subfolder {
  /** Name of the entry, which may be a link. */
  name: FileName;
  folder: Folder;
}

export interface FolderFile {
  name: FileName;
  path: Buffer;
  isPicture: boolean;
}

/** An entry that cannot be followed. */
export interface FolderObstacle {
  name: FileName;
  kind: 'link-outside' | 'unreadable';
  /** In words. */
  message: string;
}

export interface TreeOptions {
  /** Follow links that lead out of the folder; links within it are always followed. */
  followLinks: boolean;
  /** Names at the top that are read nevertheless, although they look like leftovers. */
  alsoRead?: ReadonlySet<string>;
}

/** No person sorts images into deeper folders. */
const MAX_DEPTH = 64;

/**
 * Reads a folder with everything below it, without leftovers of systems (see {@link isLeftover}).
 * Each folder is read once, however many links lead to it, so that cycles end. Files that are
 * neither plain files nor links to such (devices, pipes) count as files that are no images.
 * @throws the error of the file system for the folder itself
 */
export async function readFolderTree(dir: string, options: TreeOptions): Promise<Folder> {
  const root = await realpath(dir, { encoding: 'buffer' });
  return new TreeReader(root, options).read(root, 0);
}

/** An image file found below a folder. */
export interface PictureFile {
  path: Buffer;
  /** Below the folder, with "/". */
  name: string;
}

/** Every file below a folder with the extension of an image, whatever the layout; by name. */
export function picturesBelow(folder: Folder): PictureFile[] {
  const found: PictureFile[] = [];
  visit(folder, '', (file, name) => {
    if (file.isPicture) found.push({ path: file.path, name });
  });
  return found;
}

/** Calls back for each file below a folder, each folder once. @param route of the folder, "a/b/" */
export function visit(
  folder: Folder,
  route: string,
  onFile: (file: FolderFile, name: string) => void,
  visited = new Set<Folder>(),
): void {
  if (visited.has(folder)) return;
  visited.add(folder);
  for (const file of folder.files) onFile(file, `${route}${file.name.text}`);
  for (const { name, folder: below } of folder.folders) {
    visit(below, `${route}${name.text}/`, onFile, visited);
  }
}

class TreeReader {
  readonly #read = new Map<string, Folder>();

  constructor(
    private readonly root: Buffer,
    private readonly options: TreeOptions,
  ) {}

  async read(path: Buffer, depth: number): Promise<Folder> {
    const key = path.toString('latin1');
    const known = this.#read.get(key);
    if (known) return known;
    const folder: Folder = { path, folders: [], files: [], obstacles: [] };
    this.#read.set(key, folder);
    for (const { name, entry } of sorted(await entriesOf(path))) {
      const wanted = depth === 0 && this.options.alsoRead?.has(name.text);
      if (!wanted && isLeftover(name.text)) continue;
      await this.#add(folder, name, entry, depth);
    }
    return folder;
  }

  async #add(folder: Folder, name: FileName, entry: Dirent<Buffer>, depth: number): Promise<void> {
    try {
      const { kind, path, outside } = await this.#target(joinPath(folder.path, name.bytes), entry);
      const isPicture = kind === 'file' && hasPictureEnding(name.text);
      if (outside && (isPicture || kind === 'folder')) {
        const message = 'the link leads out of the folder and was not followed';
        folder.obstacles.push({ name, kind: 'link-outside', message });
      } else if (kind === 'folder') {
        if (depth >= MAX_DEPTH) throw new Error(`it lies more than ${MAX_DEPTH} folders deep`);
        folder.folders.push({ name, folder: await this.read(path, depth + 1) });
      } else if (!outside) {
        folder.files.push({ name, path, isPicture });
      }
    } catch (error) {
      folder.obstacles.push({ name, kind: 'unreadable', message: fileProblem(error) });
    }
  }

  /** The target of an entry after its links; `outside`: a link led out that may not be followed. */
  async #target(own: Buffer, entry: Dirent<Buffer>): Promise<Target> {
    if (!entry.isSymbolicLink()) return { kind: kindOf(entry), path: own, outside: false };
    const path = await realpath(own, { encoding: 'buffer' });
    const outside = !this.options.followLinks && !isWithin(path, this.root);
    return { kind: kindOf(await stat(path)), path, outside };
  }
}

interface Target {
  kind: 'folder' | 'file' | 'other';
  path: Buffer;
  outside: boolean;
}

function kindOf(entry: Pick<Dirent, 'isDirectory' | 'isFile'>): Target['kind'] {
  if (entry.isDirectory()) return 'folder';
  return entry.isFile() ? 'file' : 'other';
}

function entriesOf(path: Buffer): Promise<Dirent<Buffer>[]> {
  return readdir(path, { withFileTypes: true, encoding: 'buffer' });
}

function sorted(entries: Dirent<Buffer>[]): { name: FileName; entry: Dirent<Buffer> }[] {
  return entries
    .map((entry) => ({ name: readFileName(entry.name), entry }))
    .sort((a, b) => (a.name.text < b.name.text ? -1 : a.name.text > b.name.text ? 1 : 0));
}

function isWithin(path: Buffer, root: Buffer): boolean {
  return path.equals(root) || path.subarray(0, root.length + 1).equals(joinPath(root, EMPTY));
}

const EMPTY = Buffer.alloc(0);
