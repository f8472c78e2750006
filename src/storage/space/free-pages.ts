import type { Database } from '../database.js';

/** Pages of a file, 4,096 bytes each in those that headland makes. */
export interface PageCounts {
  all: number;
  free: number;
  /** Free pages can be taken out of the file without a rewrite. */
  canShrink: boolean;
}

/** So many free pages are worth the work, if they are this share of the file, too. */
const WORTH_PAGES = 1_024;
const WORTH_SHARE = 0.1;
/** So many stay, since the next writes would make the file longer again at once. */
const KEPT_PAGES = 256;
const FIRST_STEP_PAGES = 16;
const SMALLEST_STEP_PAGES = 4;
const LARGEST_STEP_PAGES = 512;
const STEP_MS = 2;

/** Reads one page. @throws HeadlandError HL_STORE_… */
export function pageCounts(database: Database): PageCounts {
  const read = (name: string): number => Number(Object.values(database.pragma(name)[0] ?? {})[0]);
  return {
    all: read('page_count'),
    free: read('freelist_count'),
    canShrink: read('auto_vacuum') === 2,
  };
}

/** The free pages of a database, which leave its file in steps that take a few milliseconds each. */
export class FreePages {
  #stepPages = FIRST_STEP_PAGES;

  constructor(
    private readonly database: Database,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Whether it is worth to begin. @throws HeadlandError HL_STORE_… */
  get areWorthIt(): boolean {
    if (this.database.standsInFor !== null || this.database.inTransaction) return false;
    const { all, free, canShrink } = pageCounts(this.database);
    return canShrink && free >= WORTH_PAGES && free >= all * WORTH_SHARE;
  }

  /**
   * Takes some out of the file: as many as took {@link STEP_MS} the last time.
   * @returns how many; 0: no more are worth it
   * @throws HeadlandError HL_STORE_…
   */
  step(): number {
    if (this.database.standsInFor !== null || this.database.inTransaction) return 0;
    const { free } = pageCounts(this.database);
    const pages = Math.min(this.#stepPages, free - KEPT_PAGES);
    if (pages <= 0) return 0;
    const startMs = this.nowMs();
    this.database.takeFreePages(pages);
    const tookMs = Math.max(this.nowMs() - startMs, 0.01);
    // Not more than double: a step may have been fast because its pages were at the end of the file.
    const next = Math.round(pages * Math.min(2, STEP_MS / tookMs));
    this.#stepPages = Math.min(LARGEST_STEP_PAGES, Math.max(SMALLEST_STEP_PAGES, next));
    return free - pageCounts(this.database).free;
  }
}
