import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileDurably } from '../backbone/durable-files.js';
import { spentAlpha } from '../head/compare.js';
import type { ExamLook } from './gate-input.js';

const ledgerSchema = z.object({
  schema: z.literal(2),
  /** The head that challengers were compared with. */
  champion: z.int().min(1),
  /** Groups of the exam at its first look. */
  groups: z.array(z.string()),
  /** Looks at it so far, with this champion. */
  looks: z.int().min(1),
});

/** What is remembered of the looks at an exam. */
export type Ledger = z.infer<typeof ledgerSchema>;

/**
 * Counts how often one and the same exam was looked at to replace one and the same head: each look
 * may spend less error than the one before, so that trying long enough does not pass by luck. One file in the registry, so that
 * a restart forgets nothing; written before the look, so that a crash does not win one.
 */
export class ExamLedger {
  readonly #path: string;

  constructor(
    registryDir: string,
    private readonly settings: { totalError: number; examRefreshShare: number },
  ) {
    this.#path = join(registryDir, 'exam-looks.json');
  }

  /**
   * Takes one look. Durable when it returns.
   *
   * @param champion Version of the serving head; against another one the count begins again.
   * @param groups Of the exam of today; with so many that the last first look did not have, it is
   *   another exam and the count begins again.
   */
  async look(champion: number, groups: readonly string[]): Promise<ExamLook> {
    const next = nextLook(await this.#read(), champion, groups, this.settings.examRefreshShare);
    await writeFileDurably(this.#path, `${JSON.stringify(next)}\n`);
    return { count: next.looks, alpha: spentAlpha(next.looks, this.settings.totalError) };
  }

  async #read(): Promise<Ledger | null> {
    const text = await readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (text === null) return null;
    try {
      return ledgerSchema.parse(JSON.parse(text));
    } catch {
      // It is replaced whole, never torn: an older version wrote it, or somebody changed it. The gate
      // goes on with a new count.
      return null;
    }
  }
}

/** One look more, or the first at another exam or with another champion. Pure. */
export function nextLook(
  last: Ledger | null,
  champion: number,
  groups: readonly string[],
  refreshShare: number,
): Ledger {
  const distinct = [...new Set(groups)].sort();
  const known = new Set(last?.groups);
  const added = distinct.filter((group) => !known.has(group)).length;
  if (!last || last.champion !== champion || added >= refreshShare * distinct.length) {
    return { schema: 2, champion, groups: distinct, looks: 1 };
  }
  return { ...last, looks: last.looks + 1 };
}
