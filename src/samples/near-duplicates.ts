import { hammingDistance } from '../base/hamming.js';
import type { Database } from '../storage/database.js';
import type { NewSample } from './sample.js';

/** Number of newest samples of a source that are compared. */
const RECENT = 1_000;

/** Finds near-duplicates among the recent samples of the same source. */
export class NearDuplicates {
  /** @param maxBits differing bits of the difference hash, 1..64 */
  constructor(
    private readonly database: Database,
    private readonly maxBits: number,
  ) {}

  /**
   * Id of the most similar (then newest) sample within `maxBits`, or null. A sample with a
   * different label for this task is never a near-duplicate, nor is an excluded one of a picture with a
   * label, nor a removed one.
   */
  find(sample: NewSample, task: string, label: string | null): string | null {
    const recent = this.database
      .prepare<{ id: string; label: string | null; excluded: string | null; dhash: string }>(
        `SELECT s.id, t.label, t.excluded, s.dhash FROM samples s
         LEFT JOIN task_samples t ON t.task = ?1 AND t.sample_id = s.id
         WHERE s.source = ?2
           AND NOT EXISTS (SELECT 1 FROM trash WHERE task = ?1 AND sample_id = s.id)
           AND EXISTS (SELECT 1 FROM task_samples WHERE sample_id = s.id)
         ORDER BY s.id DESC LIMIT ?3`,
      )
      .all(task, sample.source, RECENT);
    let best: { id: string; bits: number } | null = null;
    for (const { id, label: known, excluded, dhash } of recent) {
      if (label !== null && (excluded !== null || (known !== null && known !== label))) continue;
      const bits = hammingDistance(sample.dhash, dhash);
      if (bits <= this.maxBits && bits < (best?.bits ?? Infinity)) best = { id, bits };
    }
    return best?.id ?? null;
  }
}
