import { join } from 'node:path';
import { bytesOf, readSystemCalls, type SystemCall } from './system-calls.js';

/** One change of what a file holds. */
export type DataChange =
  | { kind: 'write'; offset: number; bytes: Buffer }
  | { kind: 'truncate'; size: number };

/** One change of the names in a folder; a rename within the folder is one change. */
export interface NameChange {
  kind: 'names';
  removed: string | null;
  /** The name that now means `inode`. */
  added: string | null;
  inode: number;
}

export type DiskEvent =
  | { kind: 'change'; inode: number; change: DataChange | NameChange }
  /**
   * What this file held, or the names in this folder, before event `upTo`, is on the disk for good: what
   * another thread writes during a flush need not be.
   */
  | { kind: 'sync'; inode: number; site: string; upTo: number }
  /** A line of {@link markLine}: what the program has begun or acknowledged. */
  | { kind: 'mark'; text: string };

export interface Inode {
  kind: 'file' | 'folder' | 'link';
  /** Of a symbolic link. */
  target: string;
  /** Its first name, below the root. */
  path: string;
}

export interface DiskTrace {
  events: DiskEvent[];
  /** Inode 0 is the root. */
  inodes: Inode[];
}

/** Name of the site of a flush that SQLite does by itself. */
function siteInDatabase(path: string): string {
  if (path.endsWith('-wal')) return 'SQLite: the log';
  if (path.endsWith('-journal')) return 'SQLite: the rollback journal';
  if (path.endsWith('.db')) return 'SQLite: the file';
  return 'SQLite: the folder';
}

/**
 * What a traced program did below `root`, as changes of a disk.
 * @param root it was there, and empty, before
 * @param markFile lines that the program wrote there are marks, not changes of the disk
 * @throws Error for a call that the model does not know
 */
export async function readDiskTrace(
  file: string,
  root: string,
  markFile: string,
): Promise<DiskTrace> {
  const reader = new TraceReader(root, markFile);
  for await (const call of readSystemCalls(file)) reader.take(call);
  return { events: reader.events, inodes: reader.inodes };
}

interface OpenFile {
  inode: number;
  offset: number;
  appends: boolean;
}

const MARKS = -1;

class TraceReader {
  readonly events: DiskEvent[] = [];
  readonly inodes: Inode[] = [{ kind: 'folder', target: '', path: '' }];
  readonly #names = new Map<string, number>();
  readonly #sizes = new Map<number, number>();
  readonly #open = new Map<number, OpenFile>();
  /** Number of events when a flush began, by its thread. */
  readonly #flushesBegun = new Map<string, number>();
  /** Descriptors whose close has begun, by its thread: from then on another file may get the number. */
  readonly #closing = new Set<string>();
  #flushBegan = 0;
  /** The site that the program has named for its next flush. */
  #site: string | null = null;
  #marks = '';
  /** By their names; arguments as in the manual, those that are missing are empty. */
  readonly #calls: Readonly<Record<string, (given: string[], returned: number) => void>> = {
    open: ([path = '', flags = ''], file) => this.#opened(pathOf(path), flags, file),
    openat: ([, path = '', flags = ''], file) => this.#opened(pathOf(path), flags, file),
    creat: ([path = ''], file) => this.#opened(pathOf(path), 'O_CREAT|O_TRUNC', file),
    close: ([file]) => void this.#open.delete(Number(file)),
    dup: ([file], copy) => this.#copied(Number(file), copy),
    dup2: ([file], copy) => this.#copied(Number(file), copy),
    dup3: ([file], copy) => this.#copied(Number(file), copy),
    fcntl: ([file, what = ''], copy) => {
      if (what.startsWith('F_DUPFD')) this.#copied(Number(file), copy);
    },
    write: ([file, bytes = ''], length) =>
      this.#written(Number(file), () => bytesOf(bytes).subarray(0, length), null),
    pwrite64: ([file, bytes = '', , offset], length) =>
      this.#written(Number(file), () => bytesOf(bytes).subarray(0, length), Number(offset)),
    ftruncate: ([file, size]) => this.#truncated(this.#open.get(Number(file))?.inode, Number(size)),
    truncate: ([path = '', size]) =>
      this.#truncated(this.#names.get(this.#below(pathOf(path)) ?? '?'), Number(size)),
    fsync: ([file]) => this.#synced(Number(file)),
    fdatasync: ([file]) => this.#synced(Number(file)),
    rename: ([from = '', to = '']) => this.#renamed(pathOf(from), pathOf(to)),
    renameat: ([, from = '', , to = '']) => this.#renamed(pathOf(from), pathOf(to)),
    renameat2: ([, from = '', , to = '']) => this.#renamed(pathOf(from), pathOf(to)),
    unlink: ([path = '']) => this.#removed(pathOf(path)),
    rmdir: ([path = '']) => this.#removed(pathOf(path)),
    unlinkat: ([, path = '']) => this.#removed(pathOf(path)),
    mkdir: ([path = '']) => this.#made(pathOf(path), 'folder', ''),
    mkdirat: ([, path = '']) => this.#made(pathOf(path), 'folder', ''),
    symlink: ([target = '', path = '']) => this.#made(pathOf(path), 'link', pathOf(target)),
    symlinkat: ([target = '', , path = '']) => this.#made(pathOf(path), 'link', pathOf(target)),
    link: ([from = '', to = '']) => this.#linked(pathOf(from), pathOf(to)),
    linkat: ([, from = '', , to = '']) => this.#linked(pathOf(from), pathOf(to)),
    io_uring_setup: () => {
      throw new Error('the program writes through io_uring, which strace does not see');
    },
  };

  constructor(
    private readonly root: string,
    private readonly markFile: string,
  ) {}

  take({ isBegin, thread, name, given, returned }: SystemCall): void {
    const isFlush = name === 'fsync' || name === 'fdatasync';
    if (isBegin) {
      if (isFlush) this.#flushesBegun.set(thread, this.events.length);
      if (name !== 'close') return;
      this.#closing.add(thread);
    } else if (name === 'close' && this.#closing.delete(thread)) return;
    if (returned < 0) return;
    this.#flushBegan = this.#flushesBegun.get(thread) ?? this.events.length;
    this.#flushesBegun.delete(thread);
    const known = this.#calls[name];
    if (known !== undefined) {
      known(given, returned);
      return;
    }
    // writev and its like; a copy may read the state.
    const target = given[name === 'copy_file_range' ? 2 : 0];
    if (this.#open.has(Number(target)))
      throw new Error(`${name} into a file of the state is not modelled`);
  }

  #opened(path: string, flags: string, descriptor: number): void {
    this.#open.delete(descriptor);
    const appends = flags.includes('O_APPEND');
    if (path === this.markFile) {
      this.#open.set(descriptor, { inode: MARKS, offset: 0, appends });
      return;
    }
    const name = this.#below(path);
    if (name === null) return;
    if (!this.#names.has(name) && name !== '') {
      if (!flags.includes('O_CREAT')) throw new Error(`${path}: opened, but never made`);
      this.#made(path, 'file', '');
    }
    const inode = name === '' ? 0 : this.#names.get(name)!;
    if (flags.includes('O_TRUNC') && (this.#sizes.get(inode) ?? 0) > 0) this.#truncated(inode, 0);
    this.#open.set(descriptor, { inode, offset: 0, appends });
  }

  #copied(from: number, to: number): void {
    const known = this.#open.get(from);
    if (known) this.#open.set(to, known);
    else this.#open.delete(to);
  }

  #written(descriptor: number, bytes: () => Buffer, at: number | null): void {
    const file = this.#open.get(descriptor);
    if (!file) return;
    if (file.inode === MARKS) {
      this.#marked(bytes().toString());
      return;
    }
    const content = bytes();
    const size = this.#sizes.get(file.inode) ?? 0;
    const offset = file.appends ? size : (at ?? file.offset);
    if (at === null) file.offset = offset + content.length;
    this.#sizes.set(file.inode, Math.max(size, offset + content.length));
    this.#change(file.inode, { kind: 'write', offset, bytes: content });
  }

  #marked(text: string): void {
    const lines = (this.#marks + text).split('\n');
    this.#marks = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('site ')) this.#site = line.slice('site '.length);
      else this.events.push({ kind: 'mark', text: line });
    }
  }

  #truncated(inode: number | undefined, size: number): void {
    if (inode === undefined) return;
    this.#sizes.set(inode, size);
    this.#change(inode, { kind: 'truncate', size });
  }

  #synced(descriptor: number): void {
    const file = this.#open.get(descriptor);
    const named = this.#site;
    this.#site = null;
    if (!file || file.inode === MARKS) return;
    const site = named ?? siteInDatabase(this.inodes[file.inode]!.path);
    this.events.push({ kind: 'sync', inode: file.inode, site, upTo: this.#flushBegan });
  }

  #made(path: string, kind: Inode['kind'], target: string): void {
    const name = this.#below(path);
    if (name === null) return;
    const inode = this.inodes.push({ kind, target, path: name }) - 1;
    this.#named(name, inode);
  }

  #linked(from: string, to: string): void {
    const [source, name] = [this.#below(from), this.#below(to)];
    if (name === null) return;
    const inode = this.#names.get(source ?? '?');
    if (inode === undefined) throw new Error(`${from}: linked from outside the state`);
    this.#named(name, inode);
  }

  #named(name: string, inode: number): void {
    this.#names.set(name, inode);
    this.#change(this.#folderOf(name), {
      kind: 'names',
      removed: null,
      added: lastOf(name),
      inode,
    });
  }

  #removed(path: string): void {
    const name = this.#below(path);
    if (name === null) return;
    const inode = this.#names.get(name)!;
    this.#names.delete(name);
    this.#change(this.#folderOf(name), {
      kind: 'names',
      removed: lastOf(name),
      added: null,
      inode,
    });
  }

  #renamed(from: string, to: string): void {
    const [source, name] = [this.#below(from), this.#below(to)];
    if (source === null && name === null) return;
    const inode = this.#names.get(source ?? '?');
    if (inode === undefined || name === null) throw new Error(`${from}: moved in or out`);
    const folder = this.#folderOf(source!);
    if (folder !== this.#folderOf(name)) throw new Error(`${from}: a move between folders`);
    for (const [each, of] of [...this.#names]) {
      if (each !== source && !each.startsWith(`${source}/`)) continue;
      this.#names.delete(each);
      this.#names.set(name + each.slice(source!.length), of);
    }
    this.#change(folder, { kind: 'names', removed: lastOf(source!), added: lastOf(name), inode });
  }

  #change(inode: number, change: DataChange | NameChange): void {
    this.events.push({ kind: 'change', inode, change });
  }

  #folderOf(name: string): number {
    const folder = name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : '';
    const inode = folder === '' ? 0 : this.#names.get(folder);
    if (inode === undefined) throw new Error(`${name}: in a folder that was never made`);
    return inode;
  }

  /** A path below the root; '' is the root; null: it is elsewhere. */
  #below(path: string): string | null {
    if (path === this.root) return '';
    return path.startsWith(`${this.root}/`) ? join(path.slice(this.root.length + 1)) : null;
  }
}

function pathOf(argument: string): string {
  return bytesOf(argument).toString().replace(/\/$/, '');
}

function lastOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
