import type { GroupAnswers } from '../../../head/intervals/share-interval.js';
import type { Choice, SeenAnswer } from '../labeller.js';
import { PHOTO_CAMERAS } from './photo-links.js';

/** Number of scores kept. */
const MAX_SCORES = 1_000;
/** Rounds through the photos without a new label after which the rest is taken to be unreadable. */
const ROUNDS_WITHOUT_LABEL = 2;

/**
 * Labels taught photos up to a number for each class, which is raised step by step, so that it can be
 * seen what the labels so far have brought; answers to untaught photos are only counted.
 */
export class PhotoChoice implements Choice {
  readonly #labelled = new Set<string>();
  readonly #perClass = new Map<string, number>();
  readonly #scores: boolean[] = [];
  /** Newest answer to each untaught photo since the last `measure`. */
  #answers = new Map<string, boolean>();
  #labelsPerClass = 0;
  #seenSinceLabel = 0;

  /**
   * @param classes number of taught photos by class
   * @param groups groups of untaught photos by origin
   */
  constructor(
    private readonly classes: ReadonlyMap<string, number>,
    private readonly groups: ReadonlyMap<string, string>,
  ) {}

  alreadyLabelled(origins: Iterable<string>): void {
    for (const origin of origins) this.#count(origin, origin.slice(0, origin.indexOf('/')));
  }

  see({ camera, group: origin, decided, reference }: SeenAnswer): boolean {
    if (camera === PHOTO_CAMERAS.untaught) {
      this.#score(origin, decided === reference);
      return false;
    }
    this.#seenSinceLabel += 1;
    if (this.#labelled.has(origin)) return false;
    if ((this.#perClass.get(reference) ?? 0) >= this.#labelsPerClass) return false;
    this.#count(origin, reference);
    this.#seenSinceLabel = 0;
    return true;
  }

  forget(origin: string): void {
    if (!this.#labelled.delete(origin)) return;
    const label = origin.slice(0, origin.indexOf('/'));
    this.#perClass.set(label, (this.#perClass.get(label) ?? 1) - 1);
  }

  rollingAccuracy(frames: number): number | null {
    const last = this.#scores.slice(-frames);
    return last.length === 0 ? null : last.filter(Boolean).length / last.length;
  }

  /** Number of labels of the class that has fewest, among those that have more photos. */
  get leastLabelled(): number {
    const counts = [...this.classes].flatMap(([label, photos]) => {
      const labels = this.#perClass.get(label) ?? 0;
      return labels < photos ? [labels] : [];
    });
    return Math.min(...counts);
  }

  /** Raises the number of labels for each class. */
  teach(labelsPerClass: number): void {
    this.#labelsPerClass = labelsPerClass;
    this.#seenSinceLabel = 0;
  }

  /** Every class has its number of labels, or has no more photos. */
  get isTaught(): boolean {
    const photos = [...this.classes.values()].reduce((sum, count) => sum + count, 0);
    return (
      this.#seenSinceLabel >= ROUNDS_WITHOUT_LABEL * photos ||
      [...this.classes].every(
        ([label, count]) =>
          (this.#perClass.get(label) ?? 0) >= Math.min(count, this.#labelsPerClass),
      )
    );
  }

  /** Begins to count answers to untaught photos anew. */
  measure(): void {
    this.#answers = new Map();
  }

  /** Number of different untaught photos with an answer since `measure`. */
  get answers(): number {
    return this.#answers.size;
  }

  /** Those answers, and how many are right, by group. */
  get measured(): GroupAnswers[] {
    const groups = new Map<string, GroupAnswers>();
    for (const [origin, right] of this.#answers) {
      const group = this.groups.get(origin) ?? origin;
      const before = groups.get(group) ?? { answers: 0, right: 0 };
      groups.set(group, { answers: before.answers + 1, right: before.right + Number(right) });
    }
    return [...groups.values()];
  }

  #count(origin: string, label: string): void {
    if (this.#labelled.has(origin)) return;
    this.#labelled.add(origin);
    this.#perClass.set(label, (this.#perClass.get(label) ?? 0) + 1);
  }

  #score(origin: string, right: boolean): void {
    this.#answers.set(origin, right);
    this.#scores.push(right);
    if (this.#scores.length > MAX_SCORES) this.#scores.shift();
  }
}
