import type { Database } from '../../storage/database.js';
import { type LabelChange, readLabelChanges } from '../sample-counts.js';

/** With so many changes at once, such as an import, all are counted anew. */
const MOST_FOLLOWED = 1_000;

interface Known {
  since: number;
  /** Label revision up to which the changes are counted. */
  upTo: number;
  labels: number;
  opening: number;
}

/**
 * Counts the samples of a task whose label is not the one of a revision. It reads all changes since the
 * revision only once, then those that have come since the last time.
 */
export class ChangedLabels {
  #known: Known | null = null;

  /** @param opening changes when another file is open */
  constructor(
    private readonly database: Database,
    private readonly task: string,
    private readonly opening: () => number,
  ) {}

  /**
   * What was undone since the revision does not count, nor does a new name of a class.
   * @throws HeadlandError HL_STORE_…
   */
  countSince(revision: number): number {
    // What a transaction has written may be rolled back.
    if (this.database.inTransaction) return this.#recount(revision).labels;
    const known = this.#followed(revision) ?? this.#recount(revision);
    this.#known = known;
    return known.labels;
  }

  /** Null: the changes must be counted anew. */
  #followed(revision: number): Known | null {
    const known = this.#known;
    if (known === null || known.since !== revision || known.opening !== this.opening()) return null;
    const { database, task } = this;
    const changes = readLabelChanges(database, task, 'revision > ?', known.upTo, MOST_FOLLOWED);
    if (changes.length === MOST_FOLLOWED) return null;
    let { upTo, labels } = known;
    for (const change of changes) {
      labels += this.#difference(change, revision);
      upTo = change.revision;
    }
    return { ...known, upTo, labels };
  }

  /** By how much one change changes the count. */
  #difference({ sampleId, oldLabel, newLabel, revision }: LabelChange, since: number): number {
    const first = firstChangeAfter(this.database, this.task, sampleId, since);
    if (first === undefined || first.revision > revision) return 0;
    const before = first.revision < revision && first.label !== oldLabel;
    return Number(first.label !== newLabel) - Number(before);
  }

  /** One statement, so that no change of another process falls between count and revision. */
  #recount(since: number): Known {
    const counted = this.database
      .prepare<Pick<Known, 'upTo' | 'labels'>>(
        `SELECT (SELECT coalesce(max(revision), 0) FROM label_history WHERE task = ?1) AS upTo,
           count(*) AS labels FROM (
             SELECT sample_id, old_label, min(revision) FROM label_history
             WHERE task = ?1 AND revision > ?2 AND renamed = 0 GROUP BY sample_id
           ) h LEFT JOIN task_samples t ON t.task = ?1 AND t.sample_id = h.sample_id
         WHERE h.old_label IS NOT t.label`,
      )
      .get(this.task, since)!;
    return { since, opening: this.opening(), ...counted };
  }
}

/** The first label that a sample got after a revision, new names of classes left out, and its label before. */
export function firstChangeAfter(
  database: Database,
  task: string,
  sampleId: string,
  revision: number,
): { revision: number; label: string | null } | undefined {
  return database
    .prepare<{ revision: number; label: string | null }>(
      `SELECT revision, old_label AS label FROM label_history
       WHERE sample_id = ? AND task = ? AND revision > ? AND renamed = 0
       ORDER BY revision LIMIT 1`,
    )
    .get(sampleId, task, revision);
}

/**
 * Ids of the samples whose labels were given, changed or taken off last, after a revision, the last first.
 * New names of classes do not count. It reads no more of the history than it needs.
 */
export function readLastRelabelled(
  database: Database,
  task: string,
  revision: number,
  most: number,
): string[] {
  const page = database.prepare<{ revision: number; id: string }>(
    `SELECT revision, sample_id AS id FROM label_history
     WHERE task = ? AND revision > ? AND revision < ? AND renamed = 0
     ORDER BY revision DESC LIMIT ?`,
  );
  const ids = new Set<string>();
  for (let before = Number.MAX_SAFE_INTEGER; ids.size < most; ) {
    const rows = page.all(task, revision, before, most);
    for (const { id } of rows) if (ids.size < most) ids.add(id);
    const last = rows.at(-1);
    if (!last) break;
    before = last.revision;
  }
  return [...ids];
}
