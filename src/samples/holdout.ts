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
 * out returns to training as soon as a class that has too few training samples needs it, unless a
 * person wants it kept out.
 */
export class Holdout {
  constructor(
    private readonly database: Database,
    private readonly rule: HoldoutRule,
  ) {}

  /**
   * A group of a new sample.
   * @param restored where an export says that it stood
   * @param kept held out whatever its class needs; a group that was learnt already is not
   */
  meet(group: string, restored: boolean | null, kept = false): void {
    this.database
      .prepare(
        'INSERT INTO sample_groups (name, holdout, open) VALUES (?, 0, 1) ON CONFLICT DO NOTHING',
      )
      .run(group);
    if (restored !== null || kept) {
      this.database
        .prepare('UPDATE sample_groups SET holdout = ?, open = 0 WHERE name = ? AND open = 1')
        .run(Number(kept || restored === true), group);
    }
    if (kept) {
      this.database
        .prepare('UPDATE sample_groups SET kept = 1 WHERE name = ? AND holdout = 1')
        .run(group);
    }
  }

  /**
   * Moves a sample to another group, which takes over where it stood. Where samples for training meet
   * held-out ones in a group, all of it is for training. A sample that is kept out stays.
   * @param kept the new group is held out whatever its class needs: only before any head was trained
   */
  move(sampleId: string, group: string, kept: boolean): void {
    const from = this.database
      .prepare<{ name: string; holdout: number; open: number; kept: number }>(
        `SELECT g.name, g.holdout, g.open, g.kept
         FROM samples s JOIN sample_groups g ON g.name = s.group_name WHERE s.id = ?`,
      )
      .get(sampleId);
    if (from === undefined || from.name === group || from.kept === 1) return;
    const to = this.side(group);
    if (to?.kept === 1 && !kept) return;
    if (kept) {
      this.meet(group, true, true);
    } else if (to === undefined) {
      this.database
        .prepare('INSERT INTO sample_groups (name, holdout, open) VALUES (?, ?, ?)')
        .run(group, from.holdout, from.open);
    } else if (from.open === 0) {
      const held = from.holdout === 1 && (to.open === 1 || to.holdout === 1);
      this.database
        .prepare('UPDATE sample_groups SET holdout = ?, open = 0 WHERE name = ?')
        .run(Number(held), group);
    }
    this.database.prepare('UPDATE samples SET group_name = ? WHERE id = ?').run(group, sampleId);
    this.database
      .prepare(
        `DELETE FROM sample_groups WHERE name = ?
         AND NOT EXISTS (SELECT 1 FROM samples WHERE group_name = sample_groups.name)`,
      )
      .run(from.name);
  }

  /** Before a sample of the group takes a label: decides, once and for good but for a return. */
  label(group: string, label: string): void {
    const { holdout, open, kept } = this.side(group)!;
    if (kept === 1 || (open === 0 && holdout === 0)) return;
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

  private side(group: string): { holdout: number; open: number; kept: number } | undefined {
    return this.database
      .prepare<{ holdout: number; open: number; kept: number }>(
        'SELECT holdout, open, kept FROM sample_groups WHERE name = ?',
      )
      .get(group);
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
