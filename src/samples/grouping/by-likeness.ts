import { hammingBits, splitHash } from '../../base/hamming.js';
import { listIn } from '../../base/values/list-in.js';
import type { GroupItem, Groups } from './group-item.js';

/** Prefix of groups made by similarity. */
export const SIMILAR_GROUP_PREFIX = 'similar-';

export interface LikenessBounds {
  /** Largest Hamming distance between the difference hashes of near-duplicates. */
  maxBits: number;
  /** A larger cluster without an existing group is split with half of `maxBits`, repeatedly. */
  maxPictures: number;
}

/** Clusters (single linkage) of near-duplicates of one class. */
export function byLikeness(
  items: readonly GroupItem[],
  groups: Groups,
  bounds: LikenessBounds,
): Map<number, string> {
  const classes = new Map<string | null, number[]>();
  items.forEach(({ label }, index) => {
    listIn(classes, label).push(index);
  });
  const found = new Map<number, string>();
  for (const members of classes.values()) {
    members.sort((a, b) => order(items[a]!, items[b]!));
    // Those with a group last: pairs of them are not compared.
    const free = members.filter((index) => groups[index] === null);
    const anchors = members.filter((index) => groups[index] !== null);
    joinAlike(items, groups, free, anchors, bounds, found);
  }
  return found;
}

/**
 * Joins hashes that differ in at most `maxBits` bits. Pairs of hashes beyond `free` are not
 * compared.
 * @returns the union-find forest over the first `free` hashes, and by root the hash beyond `free`
 *   that is nearest to a member of the cluster (-1: none)
 */
function clusterAlike(
  hashes: readonly string[],
  free: number,
  maxBits: number,
): { parent: Uint32Array; anchorOf: Map<number, number> } {
  // Signed: V8 stores numbers above 2^31 as doubles, which is slower.
  const high = new Int32Array(hashes.length);
  const low = new Int32Array(hashes.length);
  hashes.forEach((hash, i) => {
    [high[i], low[i]] = splitHash(hash);
  });
  const parent = Uint32Array.from(hashes, (_, i) => i);
  const nearest = new Int32Array(free).fill(-1);
  const nearestBits = new Uint8Array(free).fill(255);
  for (let i = 0; i < free; i++) {
    for (let j = i + 1; j < hashes.length; j++) {
      const bits = hammingBits(high[i]!, low[i]!, high[j]!, low[j]!);
      if (bits > maxBits) continue;
      if (j < free) {
        join(parent, i, j);
      } else if (bits < nearestBits[i]!) {
        nearestBits[i] = bits;
        nearest[i] = j;
      }
    }
  }
  const best = new Map<number, number>();
  for (let i = 0; i < free; i++) {
    const root = find(parent, i);
    const known = best.get(root);
    if (known === undefined || nearestBits[i]! < nearestBits[known]!) best.set(root, i);
  }
  const anchorOf = new Map([...best].map(([root, i]) => [root, nearest[i]!]));
  return { parent, anchorOf };
}

function joinAlike(
  items: readonly GroupItem[],
  groups: Groups,
  free: readonly number[],
  anchors: readonly number[],
  { maxBits, maxPictures }: LikenessBounds,
  found: Map<number, string>,
): void {
  const all = [...free, ...anchors];
  const { parent, anchorOf } = clusterAlike(
    all.map((index) => items[index]!.dhash),
    free.length,
    maxBits,
  );
  const clusters = new Map<number, number[]>();
  free.forEach((index, i) => {
    listIn(clusters, find(parent, i)).push(index);
  });
  for (const [root, cluster] of clusters) {
    const anchor = anchorOf.get(root) ?? -1;
    if (anchor < 0 && cluster.length > maxPictures && maxBits > 0) {
      const closer = { maxBits: maxBits >> 1, maxPictures };
      joinAlike(items, groups, cluster, [], closer, found);
      continue;
    }
    const group =
      anchor >= 0
        ? groups[all[anchor]!]!
        : // The root is the first of its cluster by SHA-256.
          `${SIMILAR_GROUP_PREFIX}${items[all[root]!]!.sha256.slice(0, 16)}`;
    for (const index of cluster) found.set(index, group);
  }
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
