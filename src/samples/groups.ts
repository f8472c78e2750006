import { hammingBits, splitHash } from '../base/hamming.js';

/** Where the group of an imported picture comes from. */
export type GroupMethod = 'exif' | 'pattern' | 'similarity';

export interface GroupItem {
  /** File name relative to the imported folder, with "/". */
  name: string;
  label: string | null;
  /** Of the picture, hex; unique among the items. */
  sha256: string;
  /** Unix time, milliseconds; null when the picture does not say. */
  captureTimeMs: number | null;
  /** 16 hex digits. */
  dhash: string;
  /** Set for pictures that have a group already: it stays, and what belongs to them joins it. */
  group: string | null;
}

export interface GroupOptions {
  /** Its captures (without captures: its match) on the name are the group. */
  pattern?: RegExp | null;
  /** Use only this method, and likeness for what it leaves; default: exif, then pattern. */
  method?: GroupMethod;
  /** A longer pause begins a new group. */
  gapMs?: number;
  /** Bits of the difference hash that near-duplicates may differ by. */
  maxBits?: number;
}

export interface Grouping {
  /** Group of each item, in the order of the items. */
  groups: string[];
  /** How many items without a group got theirs by each method. */
  by: Record<GroupMethod, number>;
}

/** Groups made from capture times begin with this. */
export const TIME_GROUP_PREFIX = 'time-';
/** Groups made from likeness begin with this. */
export const SIMILAR_GROUP_PREFIX = 'similar-';
const DEFAULT_GAP_MS = 30_000;
/**
 * Measured on photos of a grocery shop: of 101, all were caught after coarse re-encoding (at most
 * 2 bits) and brightening by a fifth (5), 99 % after a shift by 2 % of the width, 58 % after 5 %;
 * of 1,211 different ones 10 bits joined 2, 12 bits 5, 16 bits 18 and 20 bits 242.
 */
const DEFAULT_MAX_BITS = 10;

/**
 * Gives every picture a group, so that pictures of one moment never stand on both sides of the
 * holdout. A pure function; the order of the items does not matter.
 *
 * By capture time: pictures of all classes in the order of time; a pause begins a new group. By
 * pattern: equal captures. By likeness: clusters (single linkage) of near-duplicates of one class.
 */
export function assignGroups(items: readonly GroupItem[], options: GroupOptions = {}): Grouping {
  const groups = items.map(({ group }) => group);
  const by: Record<GroupMethod, number> = { exif: 0, pattern: 0, similarity: 0 };
  const assign = (method: GroupMethod, found: ReadonlyMap<number, string>): void => {
    for (const [index, group] of found) groups[index] = group;
    by[method] += found.size;
  };
  const { method, pattern } = options;
  if (method === undefined || method === 'exif') {
    assign('exif', byCaptureTime(items, groups, options.gapMs ?? DEFAULT_GAP_MS));
  }
  if (pattern && (method === undefined || method === 'pattern')) {
    assign('pattern', byPattern(items, groups, pattern));
  }
  assign('similarity', bySimilarity(items, groups, options.maxBits ?? DEFAULT_MAX_BITS));
  return { groups: groups as string[], by };
}

type Groups = readonly (string | null)[];

function byCaptureTime(
  items: readonly GroupItem[],
  groups: Groups,
  gapMs: number,
): Map<number, string> {
  const timed = items
    .flatMap(({ captureTimeMs }, index) =>
      captureTimeMs === null ? [] : [{ index, timeMs: captureTimeMs }],
    )
    .sort((a, b) => a.timeMs - b.timeMs || order(items[a.index]!, items[b.index]!));
  const found = new Map<number, string>();
  for (let start = 0; start < timed.length; ) {
    let end = start + 1;
    while (end < timed.length && timed[end]!.timeMs - timed[end - 1]!.timeMs <= gapMs) end++;
    const run = timed.slice(start, end);
    const known = run.map(({ index }) => groups[index]).find((group) => group !== null);
    let current = known ?? `${TIME_GROUP_PREFIX}${new Date(run[0]!.timeMs).toISOString()}`;
    for (const { index } of run) {
      const own = groups[index];
      if (own) current = own;
      else found.set(index, current);
    }
    start = end;
  }
  return found;
}

function byPattern(
  items: readonly GroupItem[],
  groups: Groups,
  pattern: RegExp,
): Map<number, string> {
  const found = new Map<number, string>();
  items.forEach(({ name }, index) => {
    if (groups[index] !== null) return;
    pattern.lastIndex = 0;
    const match = pattern.exec(name);
    if (!match) return;
    const parts = match.length > 1 ? match.slice(1).map((part) => part ?? '') : [match[0]];
    const group = parts.join('/');
    if (group.replaceAll('/', '') !== '') found.set(index, group);
  });
  return found;
}

function bySimilarity(
  items: readonly GroupItem[],
  groups: Groups,
  maxBits: number,
): Map<number, string> {
  const classes = new Map<string | null, number[]>();
  items.forEach(({ label }, index) => {
    const members = classes.get(label);
    if (members) members.push(index);
    else classes.set(label, [index]);
  });
  const found = new Map<number, string>();
  for (const members of classes.values()) {
    members.sort((a, b) => order(items[a]!, items[b]!));
    // Those with a group last: pairs of them need no look.
    const free = members.filter((index) => groups[index] === null);
    const anchors = members.filter((index) => groups[index] !== null);
    joinAlike(items, groups, free, anchors, maxBits, found);
  }
  return found;
}

function joinAlike(
  items: readonly GroupItem[],
  groups: Groups,
  free: readonly number[],
  anchors: readonly number[],
  maxBits: number,
  found: Map<number, string>,
): void {
  const all = [...free, ...anchors];
  // Signed: numbers above 2^31 would be kept as doubles, which is slower.
  const high = new Int32Array(all.length);
  const low = new Int32Array(all.length);
  all.forEach((index, i) => {
    [high[i], low[i]] = splitHash(items[index]!.dhash);
  });
  const parent = Uint32Array.from(all, (_, i) => i);
  // The anchor that looks most like a cluster lends it its group.
  const anchorOf = new Int32Array(free.length).fill(-1);
  const anchorBits = new Uint8Array(free.length).fill(255);
  for (let i = 0; i < free.length; i++) {
    for (let j = i + 1; j < all.length; j++) {
      const bits = hammingBits(high[i]!, low[i]!, high[j]!, low[j]!);
      if (bits > maxBits) continue;
      if (j < free.length) {
        join(parent, i, j);
      } else if (bits < anchorBits[i]!) {
        anchorBits[i] = bits;
        anchorOf[i] = j;
      }
    }
  }
  const best = new Map<number, number>();
  for (let i = 0; i < free.length; i++) {
    const root = find(parent, i);
    const known = best.get(root);
    if (known === undefined || anchorBits[i]! < anchorBits[known]!) best.set(root, i);
  }
  free.forEach((index, i) => {
    const root = find(parent, i);
    const anchor = anchorOf[best.get(root)!]!;
    const group =
      anchor >= 0
        ? groups[all[anchor]!]!
        : // The root is the first of its cluster in the order of the hashes.
          `${SIMILAR_GROUP_PREFIX}${items[all[root]!]!.sha256.slice(0, 16)}`;
    found.set(index, group);
  });
}

function order(a: GroupItem, b: GroupItem): number {
  return a.sha256 < b.sha256 ? -1 : a.sha256 > b.sha256 ? 1 : 0;
}

function find(parent: Uint32Array, index: number): number {
  let at = index;
  while (parent[at] !== at) {
    parent[at] = parent[parent[at]!]!;
    at = parent[at]!;
  }
  return at;
}

/** The smaller index becomes the root. */
function join(parent: Uint32Array, a: number, b: number): void {
  const [rootA, rootB] = [find(parent, a), find(parent, b)];
  if (rootA < rootB) parent[rootB] = rootA;
  else parent[rootA] = rootB;
}
