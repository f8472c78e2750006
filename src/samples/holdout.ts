import { sha256 } from '../base/hash.js';
import type { Database } from '../storage/database.js';

/** What of the labelled samples is held out, so that no head is ever trained on it. */
export interface HoldoutRule {
  /** Share of groups, 0..1. */
  holdoutShare: number;
  /** So many training samples a class has before any of it is held out; 0 = at once. */
  holdoutAfterSamples: number;
}

/**
 * True when the group may be held out: the first 6 bytes of the SHA-256 of its id (UTF-8),
 * read as a fraction of 2^48, lie below the share. It depends on the group alone: neither the
 * order of arrival nor the other groups move it, and a greater share only ever adds groups.
 * @param holdoutShare 0..1
 */
export function isHoldoutGroup(group: string, holdoutShare: number): boolean {
  const fraction = sha256(group).readUIntBE(0, 6) / 2 ** 48;
  return fraction < holdoutShare;
}

/**
 * Where groups stand: for training, held out, or open until their first label. Whole groups, because
 * frames of one pass are alike. A group that was learnt is never held out afterwards; one that is held
 * out returns to training as soon as a class that has too few training samples needs it.
 */
export class Holdout {
  constructor(
    private readonly database: Database,
    private readonly rule: HoldoutRule,
  ) {}

  /** A group of a new sample. @param restored where an export says that it stood */
  meet(group: string, restored: boolean | null): void {
    this.database
      .prepare(
        'INSERT INTO sample_groups (name, holdout, open) VALUES (?, 0, 1) ON CONFLICT DO NOTHING',
      )
      .run(group);
    if (restored === null) return;
    this.database
      .prepare('UPDATE sample_groups SET holdout = ?, open = 0 WHERE name = ? AND open = 1')
      .run(Number(restored), group);
  }

  /** Before a sample of the group takes a label: decides, once and for good but for a return. */
  label(group: string, label: string): void {
    const { holdout, open } = this.database
      .prepare<{ holdout: number; open: number }>(
        'SELECT holdout, open FROM sample_groups WHERE name = ?',
      )
      .get(group)!;
    if (open === 0 && holdout === 0) return;
    const chosen = holdout === 1 || isHoldoutGroup(group, this.rule.holdoutShare);
    const held = chosen && this.hasEnough(label);
    this.database
      .prepare('UPDATE sample_groups SET holdout = ?, open = 0 WHERE name = ?')
      .run(Number(held), group);
  }

  /**
   * Returns groups to training that hold samples of a class with too few training samples: after an
   * import, which gives groups back as an export says, whatever else the store holds.
   */
  settle(): void {
    const short = this.database
      .prepare<{ name: string; label: string }>(
        `SELECT DISTINCT g.name, s.label FROM sample_groups g JOIN samples s ON s.group_name = g.name
         WHERE g.holdout = 1 AND s.label IS NOT NULL ORDER BY g.name, s.label`,
      )
      .all();
    this.database.transaction(() => {
      for (const { name, label } of short) this.label(name, label);
    })();
  }

  private hasEnough(label: string): boolean {
    const { training } = this.database
      .prepare<{ training: number }>(
        `SELECT count(*) AS training FROM samples s JOIN sample_groups g ON g.name = s.group_name
         WHERE s.label = ? AND g.holdout = 0`,
      )
      .get(label)!;
    return training >= this.rule.holdoutAfterSamples;
  }
}
