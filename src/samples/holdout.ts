import { sha256 } from '../base/hash.js';
import type { Database } from '../storage/database.js';

/** Decides which labelled samples are held out: no head is ever trained on them. */
export interface HoldoutRule {
  /** Share of groups, 0..1. */
  holdoutShare: number;
  /** Training samples that a class must have before any of its samples are held out; 0 = none. */
  holdoutAfterSamples: number;
}

/**
 * Whether a group may be held out: the first 6 bytes of the SHA-256 of its id (UTF-8), divided by
 * 2^48, are below the share. The result depends only on the group, neither on the order of arrival
 * nor on other groups, and a larger share only adds groups.
 * @param holdoutShare 0..1
 */
export function isHoldoutGroup(group: string, holdoutShare: number): boolean {
  const fraction = sha256(group).readUIntBE(0, 6) / 2 ** 48;
  return fraction < holdoutShare;
}

/**
 * Assigns each group to training or holdout; it stays open until its first label. Whole groups,
 * because frames of one pass are alike. A group for training is never held out later. A held-out
 * group returns to training when one of its classes has too few training samples, unless the user
 * wants it kept out.
 */
export class Holdout {
  constructor(
    private readonly database: Database,
    private readonly rule: HoldoutRule,
  ) {}

  /**
   * Registers the group of a new sample.
   * @param restored its side according to an export (true = holdout); null: undecided
   * @param kept always held out; has no effect on a group that is already for training
   */
  register(group: string, restored: boolean | null, kept = false): void {
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
   * Moves a sample to another group, which takes over its side. A group that would mix training and
   * held-out samples becomes a training group. A sample that is kept out is not moved.
   * @param kept the new group is always held out; allowed only before any head was trained
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
      this.register(group, true, true);
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

  /** Decides the side of a group before one of its samples gets a label; final but for a return. */
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
   * Returns held-out groups to training if they have samples of a class with too few training
   * samples. For use after an import, which restores the sides of an export regardless of the other
   * samples.
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
