import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataChange, DiskEvent, DiskTrace, NameChange } from './disk-trace.js';

/**
 * What became of a change that no flush had secured: it is there, it is not, only some of its bytes are,
 * or the file has grown by it but holds zeros or old bytes of the disk there.
 */
export type Fate = 'whole' | 'lost' | 'zeros' | 'garbage' | { from: number; to: number };

/** Fates by the number of the event. */
export type Fates = ReadonlyMap<number, Fate>;

/** Paths below the root that one program reads together, and folders above them. */
export type Selection = (path: string) => boolean;

interface Item {
  /** Numbers of the events that changed it, in their order. */
  changes: number[];
  /** So many of them are on the disk for good. */
  secured: number;
  /** What the secured changes have made of it. */
  content: Buffer;
  names: Map<string, number>;
}

interface Found {
  path: string;
  inode: number;
}

/**
 * A disk in the middle of a trace, after Pillai et al., "All File Systems Are Not Created Equal", OSDI
 * 2014: what was flushed is there, and every change since may be there or not, by itself. A flush of a
 * file secures what it holds, but not its name; a flush of a folder secures the names in it.
 */
export class Disk {
  readonly #items: Item[];
  #at = 0;

  constructor(
    private readonly trace: DiskTrace,
    private readonly selection: Selection,
  ) {
    this.#items = trace.inodes.map(() => ({
      changes: [],
      secured: 0,
      content: Buffer.alloc(0),
      names: new Map(),
    }));
  }

  /** Of what is secured. */
  get bytes(): number {
    return this.#items.reduce((sum, { content }) => sum + content.length, 0);
  }

  /** Lets the events before `end` happen. */
  advance(end: number): void {
    for (; this.#at < end; this.#at++) {
      const event = this.trace.events[this.#at]!;
      if (event.kind === 'mark') continue;
      const item = this.#items[event.inode]!;
      if (event.kind === 'change') item.changes.push(this.#at);
      else this.#secure(item, event.upTo);
    }
  }

  /** Whether an event changes or secures something that {@link Selection} knows. */
  concerns(event: DiskEvent): boolean {
    if (event.kind === 'mark') return false;
    const { path } = this.trace.inodes[event.inode]!;
    if (event.kind === 'change' && event.change.kind === 'names') {
      const { added, removed } = event.change;
      return this.selection(join(path, added ?? removed ?? ''));
    }
    return path === '' || this.selection(path);
  }

  /** Numbers of the events that a cut of the power may undo now, in their order. */
  pending(): number[] {
    return this.#items
      .flatMap(({ changes, secured }) => changes.slice(secured))
      .filter((number) => this.concerns(this.trace.events[number]!))
      .sort((a, b) => a - b);
  }

  changeOf(number: number): DataChange | NameChange {
    const event = this.trace.events[number];
    if (event?.kind !== 'change') throw new Error(`event ${number} is no change`);
    return event.change;
  }

  /** Those of the changes that make a file longer than what of it is secured. */
  grown(numbers: readonly number[]): number[] {
    return numbers.filter((number) => {
      const event = this.trace.events[number]!;
      if (event.kind !== 'change' || event.change.kind !== 'write') return false;
      const { content } = this.#items[event.inode]!;
      return event.change.offset + event.change.bytes.length > content.length;
    });
  }

  /** Names a state: two states with the same name hold the same bytes. */
  nameOf(fates: Fates): string {
    return this.#files(fates)
      .map(({ path, inode }) => `${path}=${inode}:${this.#contentName(inode, fates)}`)
      .join('\n');
  }

  /** Writes the state into an empty folder. */
  write(fates: Fates, folder: string): void {
    for (const { path, inode } of this.#files(fates)) {
      const { kind, target } = this.trace.inodes[inode]!;
      const place = join(folder, path);
      if (kind === 'folder') mkdirSync(place, { recursive: true });
      else if (kind === 'link') symlinkSync(target, place);
      else writeFileSync(place, this.#content(inode, fates), { mode: 0o600 });
    }
  }

  #secure(item: Item, upTo: number): void {
    const numbers = item.changes.slice(item.secured).filter((number) => number < upTo);
    item.content = applied(item.content, this.#data(numbers, new Map()));
    for (const number of numbers) rename(item.names, this.changeOf(number));
    item.secured += numbers.length;
  }

  #files(fates: Fates): Found[] {
    const found: Found[] = [];
    const visit = (folder: number, path: string): void => {
      const { changes, secured, names } = this.#items[folder]!;
      const now = new Map(names);
      for (const number of changes.slice(secured)) {
        if (fateOf(fates, number) !== 'lost') rename(now, this.changeOf(number));
      }
      for (const [name, inode] of now) {
        const below = join(path, name);
        if (!this.selection(below)) continue;
        found.push({ path: below, inode });
        if (this.trace.inodes[inode]!.kind === 'folder') visit(inode, below);
      }
    };
    visit(0, '');
    return found;
  }

  /** So many changes that are whole from the first on, and then the others. */
  #contentName(inode: number, fates: Fates): string {
    const { changes, secured } = this.#items[inode]!;
    let whole = secured;
    while (whole < changes.length && fateOf(fates, changes[whole]!) === 'whole') whole += 1;
    const others = changes.slice(whole).flatMap((number) => {
      const fate = fateOf(fates, number);
      if (fate === 'lost') return [];
      return [`${number}${typeof fate === 'string' ? fate : `${fate.from}-${fate.to}`}`];
    });
    return `${whole}+${others.join(',')}`;
  }

  #content(inode: number, fates: Fates): Buffer {
    const { changes, secured, content } = this.#items[inode]!;
    return applied(content, this.#data(changes.slice(secured), fates));
  }

  #data(numbers: readonly number[], fates: Fates): DataChange[] {
    return numbers.flatMap((number): DataChange[] => {
      const change = this.changeOf(number);
      const fate = fateOf(fates, number);
      if (change.kind === 'names' || fate === 'lost') return [];
      if (change.kind === 'truncate' || fate === 'whole') return [change];
      const { offset, bytes } = change;
      if (typeof fate === 'object') {
        return [
          { ...change, offset: offset + fate.from, bytes: bytes.subarray(fate.from, fate.to) },
        ];
      }
      const filled = Buffer.alloc(bytes.length);
      if (fate === 'garbage')
        for (let at = 0; at < filled.length; at++) filled[at] = at * 167 + number;
      return [{ ...change, bytes: filled }];
    });
  }
}

function fateOf(fates: Fates, number: number): Fate {
  return fates.get(number) ?? 'whole';
}

function rename(names: Map<string, number>, change: DataChange | NameChange): void {
  if (change.kind !== 'names') return;
  if (change.removed !== null) names.delete(change.removed);
  if (change.added !== null) names.set(change.added, change.inode);
}

function applied(content: Buffer, changes: readonly DataChange[]): Buffer {
  if (changes.length === 0) return content;
  let size = content.length;
  let most = size;
  for (const change of changes) {
    if (change.kind === 'truncate') size = change.size;
    else size = Math.max(size, change.offset + change.bytes.length);
    most = Math.max(most, size);
  }
  const next = Buffer.alloc(most);
  content.copy(next);
  size = content.length;
  for (const change of changes) {
    if (change.kind === 'write') {
      change.bytes.copy(next, change.offset);
      size = Math.max(size, change.offset + change.bytes.length);
    } else {
      if (change.size < size) next.fill(0, change.size, size);
      size = change.size;
    }
  }
  return next.subarray(0, size);
}
