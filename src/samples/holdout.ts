import { sha256 } from '../base/hash.js';
import type { Database } from '../storage/database.js';
import { countTraining } from './counting/label-queries.js';
import { SAMPLE_TABLES_JOINED } from './sample-rows.js';

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
 * Assigns each group to training or holdout, for one task; it stays open until its first label.
 * Whole groups, because frames of one pass are alike. A group for training is never held out later.
 * A held-out group returns to training when one of its classes has too few training samples, unless
 * the user wants it kept out.
 */
export class Holdout {
  constructor(
    private readonly database: Database,
    private readonly task: string,
    private readonly rule: HoldoutRule,
  ) {}

  /**
   * Registers the group of a new sample.
   * @param restored its side according to an export (true = holdout); null: undecided
   * @param kept always held out; has no effect on a group that is already for training
   */
  register(group: string, restored: boolean | null, kept = false): void {
    const side = sideOf(this.database, this.task, group);
    const known = side ?? UNDECIDED;
    const decides = known.open === 1 && (restored !== null || kept);
    const holdout = decides ? Number(kept || restored === true) : known.holdout;
    const next: Side = {
      holdout,
      open: decides ? 0 : known.open,
      kept: kept && holdout === 1 ? 1 : known.kept,
    };
    if (side === undefined || decides || next.kept !== known.kept) {
      writeSide(this.database, this.task, group, next);
    }
  }

  /** Decides the side of a group before one of its samples gets a label; final but for a return. */
  label(group: string, label: string): void {
    const { holdout, open, kept } = sideOf(this.database, this.task, group)!;
    if (kept === 1 || (open === 0 && holdout === 0)) return;
    const chosen = holdout === 1 || isHoldoutGroup(group, this.rule.holdoutShare);
    const held = chosen && this.hasEnough(label);
    writeSide(this.database, this.task, group, { holdout: Number(held), open: 0, kept });
  }

  /** As {@link label}, for a sample that gets a label back: a side that is decided stays. */
  labelIfOpen(group: string, label: string): void {
    if (sideOf(this.database, this.task, group)?.open === 1) this.label(group, label);
  }

  /**
   * Returns held-out groups to training if they have samples of a class with too few training
   * samples. For use after an import, which restores the sides of an export regardless of the other
   * samples.
   */
  settle(): void {
    const short = this.database
      .prepare<{ name: string; label: string }>(
        `SELECT DISTINCT g.name, t.label FROM ${SAMPLE_TABLES_JOINED}
         WHERE t.task = ? AND g.holdout = 1 AND t.label IS NOT NULL ORDER BY g.name, t.label`,
      )
      .all(this.task);
    this.database.transaction(() => {
      for (const { name, label } of short) this.label(name, label);
    })();
  }

  /**
   * Keeps groups on one side that hold near-duplicates of each other: if one is for training, all are,
   * except those that the user keeps out.
   * @returns whether a group has changed its side
   */
  unite(groups: readonly string[]): boolean {
    const sides = groups.flatMap((group) => {
      const side = sideOf(this.database, this.task, group);
      return side ? [{ group, side }] : [];
    });
    if (!sides.some(({ side }) => side.open === 0 && side.holdout === 0)) return false;
    let changed = false;
    for (const { group, side } of sides) {
      if (side.kept === 1) continue;
      changed ||= side.holdout === 1;
      writeSide(this.database, this.task, group, { holdout: 0, open: 0, kept: 0 });
    }
    return changed;
  }

  private hasEnough(label: string): boolean {
    return countTraining(this.database, this.task, label) >= this.rule.holdoutAfterSamples;
  }
}

/**
 * Moves a sample to another group, which takes over its side in every task of the sample. A group
 * that would mix training and held-out samples becomes a training group; a sample that waits for its
 * label joins any side. A sample that is kept out of training in any task is not moved.
 * @param kept the new group is always held out; allowed only before any head was trained
 */
export function moveToGroup(
  database: Database,
  sampleId: string,
  group: string,
  kept: boolean,
): void {
  const from = database
    .prepare<Side & { task: string; name: string; labelled: number }>(
      `SELECT g.task, g.name, g.holdout, g.open, g.kept, t.label IS NOT NULL AS labelled FROM ${SAMPLE_TABLES_JOINED} WHERE s.id = ?`,
    )
    .all(sampleId);
  const [first] = from;
  if (first === undefined || first.name === group || from.some((side) => side.kept === 1)) return;
  const to = from.map(({ task }) => sideOf(database, task, group));
  if (!kept && to.some((side) => side?.kept === 1)) return;
  from.forEach(({ task, holdout, open, labelled }, index) => {
    const target = to[index];
    const own = labelled === 1 || target === undefined ? { holdout, open, kept: 0 } : UNDECIDED;
    const side = mergedSide(own, target, kept);
    writeSide(database, task, group, side);
  });
  database.prepare('UPDATE samples SET group_name = ? WHERE id = ?').run(group, sampleId);
  database
    .prepare(
      `DELETE FROM task_groups WHERE name = ?
       AND NOT EXISTS (SELECT 1 FROM samples WHERE group_name = task_groups.name)`,
    )
    .run(first.name);
}

/** The side of a group that a sample of the side `from` joins. */
function mergedSide(from: Side, to: Side | undefined, kept: boolean): Side {
  if (kept) return keptOut(to);
  if (to === undefined) return from;
  if (from.open === 1) return to;
  const held = from.holdout === 1 && (to.open === 1 || to.holdout === 1);
  return { holdout: Number(held), open: 0, kept: to.kept };
}

/** A group that is already for training stays there. */
function keptOut(to: Side | undefined): Side {
  if (to !== undefined && to.open === 0 && to.holdout === 0) return to;
  return { holdout: 1, open: 0, kept: 1 };
}

interface Side {
  holdout: number;
  open: number;
  kept: number;
}

const UNDECIDED: Side = { holdout: 0, open: 1, kept: 0 };

function sideOf(database: Database, task: string, group: string): Side | undefined {
  return database
    .prepare<Side>('SELECT holdout, open, kept FROM task_groups WHERE task = ? AND name = ?')
    .get(task, group);
}

function writeSide(database: Database, task: string, group: string, side: Side): void {
  const { holdout, open, kept } = side;
  database
    .prepare(
      `INSERT INTO task_groups (task, name, holdout, open, kept) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (task, name) DO UPDATE
       SET holdout = excluded.holdout, open = excluded.open, kept = excluded.kept`,
    )
    .run(task, group, holdout, open, kept);
}
