import { hammingDistance } from '../../base/hamming.js';
import { listIn } from '../../base/values/list-in.js';
import type { Database } from '../../storage/database.js';

/** A labelled sample whose image may be removed. */
export interface ThinningCandidate {
  id: string;
  group: string;
  capturedAtMs: number;
  /** 16 hex digits. */
  dhash: string;
  pictureBytes: number;
  /** One key for each task: task, label and side of the holdout. */
  classes: readonly string[];
}

export interface Thinned {
  /** Images removed. */
  pictures: number;
  bytes: number;
}

interface Ranked extends ThinningCandidate {
  /** Bits in which the image differs from the one before it in its group; fewer = more redundant. */
  novelBits: number;
}

/**
 * Chooses images to remove until `bytes` are free: each time one of the class with the most images, in
 * its largest group, the one most like the image before it. Training and holdout samples of a label
 * are classes of their own, so neither side is thinned before the other. Every class keeps at least
 * `floor` images, in every task that uses the sample. Pure.
 * @param counts images of each class, including those that are no candidates
 * @returns ids in the order of removal; they may free less than `bytes`
 */
export function chooseRedundant(
  candidates: readonly ThinningCandidate[],
  counts: ReadonlyMap<string, number>,
  bytes: number,
  floor: number,
): string[] {
  const left = new Map(counts);
  const queues = queuesOf(candidates);
  const gone = new Set<string>();
  const chosen: string[] = [];
  let freed = 0;
  while (freed < bytes) {
    const [largest] = [...queues]
      .filter(([name, groups]) => groups.size > 0 && (left.get(name) ?? 0) > floor)
      .map(([name]) => name)
      .sort((a, b) => (left.get(b) ?? 0) - (left.get(a) ?? 0) || (a < b ? -1 : 1));
    if (largest === undefined) return chosen;
    const next = mostRedundant(queues.get(largest)!);
    if (gone.has(next.id) || next.classes.some((name) => (left.get(name) ?? 0) <= floor)) continue;
    gone.add(next.id);
    chosen.push(next.id);
    freed += next.pictureBytes;
    for (const name of next.classes) left.set(name, (left.get(name) ?? 0) - 1);
  }
  return chosen;
}

/** Class, then group, then candidates with the most redundant last. */
type Queues = Map<string, Map<string, Ranked[]>>;

function queuesOf(candidates: readonly ThinningCandidate[]): Queues {
  const queues: Queues = new Map();
  for (const candidate of ranked(candidates)) {
    for (const name of candidate.classes) {
      const groups = queues.get(name) ?? new Map<string, Ranked[]>();
      queues.set(name, groups);
      listIn(groups, candidate.group).push(candidate);
    }
  }
  for (const groups of queues.values()) {
    for (const members of groups.values()) {
      members.sort((a, b) => b.novelBits - a.novelBits || (a.id < b.id ? 1 : -1));
    }
  }
  return queues;
}

function ranked(candidates: readonly ThinningCandidate[]): Ranked[] {
  const before = new Map<string, ThinningCandidate>();
  return [...candidates]
    .sort((a, b) => a.capturedAtMs - b.capturedAtMs || (a.id < b.id ? -1 : 1))
    .map((candidate) => {
      const previous = before.get(candidate.group);
      before.set(candidate.group, candidate);
      const novelBits = previous ? hammingDistance(previous.dhash, candidate.dhash) : 64;
      return { ...candidate, novelBits };
    });
}

/** Takes the most redundant image of the largest group. */
function mostRedundant(groups: Map<string, Ranked[]>): Ranked {
  let largest = '';
  let size = 0;
  for (const [name, members] of groups) {
    if (members.length > size) [largest, size] = [name, members.length];
  }
  const next = groups.get(largest)!.pop()!;
  if (size === 1) groups.delete(largest);
  return next;
}

export interface ThinningRule {
  /** To free. */
  bytes: number;
  /** Images that each class keeps. */
  floor: number;
  /** SHA-256; null: the backbone that embedded a sample last. */
  backboneChecksum: string | null;
}

interface CandidateRow extends Omit<ThinningCandidate, 'classes'> {
  classes: string;
  embedded: number;
}

/**
 * Removes the images of labelled samples, see {@link chooseRedundant}; labels, features and everything
 * else of the samples stay. Images of samples that wait for a label or are excluded in any task, or that
 * the backbone has not embedded, are kept. Run it in a transaction.
 */
export function thinPictures(
  database: Database,
  { bytes, floor, backboneChecksum }: ThinningRule,
): Thinned {
  const rows = database
    .prepare<CandidateRow>(
      `SELECT s.id, s.group_name AS "group", s.captured_at_ms AS capturedAtMs, s.dhash,
         s.picture_bytes AS pictureBytes,
         json_group_array(json_array(t.task, t.label, g.holdout)) AS classes,
         EXISTS (SELECT 1 FROM features f WHERE f.sample_id = s.id AND f.view = 0
           AND f.backbone_checksum = coalesce(?, (SELECT backbone_checksum FROM features
             WHERE view = 0 ORDER BY rowid DESC LIMIT 1))) AS embedded
       FROM samples s JOIN task_samples t ON t.sample_id = s.id
         JOIN task_groups g ON g.task = t.task AND g.name = s.group_name
       WHERE s.picture_bytes > 0 GROUP BY s.id HAVING count(t.label) = count(*)`,
    )
    .all(backboneChecksum);
  const counts = new Map<string, number>();
  const candidates: ThinningCandidate[] = [];
  for (const { classes, embedded, ...row } of rows) {
    const names = (JSON.parse(classes) as unknown[]).map((entry) => JSON.stringify(entry));
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    if (embedded) candidates.push({ ...row, classes: names });
  }
  const sizes = new Map(candidates.map(({ id, pictureBytes }) => [id, pictureBytes]));
  const chosen = chooseRedundant(candidates, counts, bytes, floor);
  const removePicture = database.prepare('DELETE FROM pictures WHERE sample_id = ?');
  const mark = database.prepare('UPDATE samples SET picture_bytes = 0 WHERE id = ?');
  let freed = 0;
  for (const id of chosen) {
    removePicture.run(id);
    mark.run(id);
    freed += sizes.get(id) ?? 0;
  }
  database
    .prepare('UPDATE store_totals SET picture_bytes = picture_bytes - ? WHERE id = 1')
    .run(freed);
  return { pictures: chosen.length, bytes: freed };
}
