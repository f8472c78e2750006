import type { TaskKey } from '../contract/hub-api.js';

/** The newest merge of a task that changed its merged sums. */
export interface MergeTally extends TaskKey {
  atMs: number;
  seconds: number;
}

/** Codes that a refused object of a robot may have: each is counted from the start of the hub. */
export const REFUSAL_CODES = [
  'HL_FLEET_BACKBONE_OTHER',
  'HL_FLEET_BASIS_OTHER',
  'HL_FLEET_CHUNK_INVALID',
  'HL_FLEET_LABEL_LOCAL',
  'HL_FLEET_OBJECT_INVALID',
  'HL_FLEET_OBJECT_TOO_LARGE',
] as const;

/** What one hub counts for its metrics while it runs. */
export class HubTally {
  readonly #refused = new Map<string, number>(REFUSAL_CODES.map((code) => [code, 0]));
  readonly #merges = new Map<number, MergeTally>();

  refused(code: string): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
  }

  merged(scope: number, merge: MergeTally): void {
    this.#merges.set(scope, merge);
  }

  refusals(): { code: string; count: number }[] {
    return [...this.#refused].map(([code, count]) => ({ code, count }));
  }

  merges(): MergeTally[] {
    return [...this.#merges.values()];
  }
}
