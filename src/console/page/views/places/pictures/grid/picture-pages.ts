import { Refusal } from '../../../../../../page/request/refusal.js';
import type { Picture, PictureFilter } from '../../../../../contract/pictures-contract.js';
import type { RobotApi } from '../../../../robot/robot-api.js';

/** As many as the robot gives at once. */
export const PAGE_SIZE = 200;
const LOADED_TOGETHER = 2;

interface LoadedPage {
  revision: number;
  pictures: readonly Picture[];
}

/**
 * A list of samples of any length, of which only the parts that are looked at are loaded. What is loaded
 * stays until something newer has come.
 */
export class PicturePages {
  readonly #pages = new Map<number, LoadedPage>();
  readonly #loading = new Set<number>();
  #wanted: readonly number[] = [];
  #revision = 0;
  #ended = false;
  #total: number | null = null;
  #problem: Refusal | null = null;

  /** @param changed called when something has been loaded, or could not be */
  constructor(
    private readonly api: RobotApi,
    private readonly filter: PictureFilter,
    private readonly changed: () => void,
  ) {
    this.want(0, 1);
  }

  /** Length of the list; null: not known yet. */
  get total(): number | null {
    return this.#total;
  }

  get problem(): Refusal | null {
    return this.#problem;
  }

  /** Undefined: not loaded yet, or not in the list. */
  at(index: number): Picture | undefined {
    return this.#pages.get(Math.floor(index / PAGE_SIZE))?.pictures[index % PAGE_SIZE];
  }

  /** Where a sample lies among what is loaded; -1: it does not. */
  indexOf(id: string): number {
    for (const [number, { pictures }] of this.#pages) {
      const at = pictures.findIndex((picture) => picture.id === id);
      if (at >= 0) return number * PAGE_SIZE + at;
    }
    return -1;
  }

  /** Loads a part of the list and what lies beside it, and gives up what was wanted before. */
  want(from: number, to: number): void {
    const first = Math.floor(Math.max(0, from) / PAGE_SIZE);
    const last = Math.floor(Math.max(0, to - 1) / PAGE_SIZE);
    const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    this.#wanted = [...numbers, last + 1, first - 1];
    this.#load();
  }

  /** Loads again what is looked at, because it may have changed. */
  refresh(): void {
    this.#revision += 1;
    this.#load();
  }

  /** Ids of a part of the list, loaded now. @throws Refusal */
  async ids(from: number, to: number): Promise<string[]> {
    const ids: string[] = [];
    for (let offset = from; offset < to; offset += PAGE_SIZE) {
      const limit = Math.min(PAGE_SIZE, to - offset);
      const { pictures } = await this.#request(offset, limit);
      ids.push(...pictures.map(({ id }) => id));
    }
    return ids;
  }

  end(): void {
    this.#ended = true;
  }

  #load(): void {
    for (const number of this.#wanted) {
      if (this.#ended || this.#loading.size >= LOADED_TOGETHER) return;
      if (this.#isMissing(number)) void this.#loadPage(number);
    }
  }

  #isMissing(number: number): boolean {
    if (number < 0 || this.#loading.has(number)) return false;
    if (number > 0 && (this.#total === null || number * PAGE_SIZE >= this.#total)) return false;
    const page = this.#pages.get(number);
    return page === undefined || page.revision < this.#revision;
  }

  async #loadPage(number: number): Promise<void> {
    const revision = this.#revision;
    this.#loading.add(number);
    try {
      const { total, pictures } = await this.#request(number * PAGE_SIZE, PAGE_SIZE);
      this.#pages.set(number, { revision, pictures });
      this.#total = total;
      this.#problem = null;
      this.#forgetBeyond(total);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#problem = error;
      this.#wanted = [];
    } finally {
      this.#loading.delete(number);
    }
    if (this.#ended) return;
    this.changed();
    this.#load();
  }

  #forgetBeyond(total: number): void {
    for (const number of this.#pages.keys()) {
      if (number > 0 && number * PAGE_SIZE >= total) this.#pages.delete(number);
    }
  }

  #request(offset: number, limit: number) {
    const query = { ...this.filter, offset: String(offset), limit: String(limit) };
    return this.api.call('GET /api/pictures', { query });
  }
}
