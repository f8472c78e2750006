import type { Choice, SeenAnswer } from './labeller.js';

export interface LabelChoiceSettings {
  /** Number of labels per class, after which only wrong decisions are labelled. */
  labelsPerClass: number;
  /** Frames of a group before its first label; imitates the reaction time of a person. */
  reactionFrames: number;
  /** Maximum number of labels per group. */
  labelsPerGroup: number;
}

interface GroupSeen {
  frames: number;
  labels: number;
}

/** Number of scores kept. */
const MAX_SCORES = 1_000;

/**
 * Chooses the frames that are labelled for one task. Also computes the accuracy of its decisions, only
 * on frames of groups without a label, so that no frame is scored on which the head was trained.
 */
export class LabelChoice implements Choice {
  readonly #groups = new Map<string, GroupSeen>();
  readonly #perClass = new Map<string, number>();
  readonly #scores: boolean[] = [];

  constructor(private readonly settings: LabelChoiceSettings) {}

  see({ group, decided, reference }: SeenAnswer): boolean {
    const seen = this.#groups.get(group) ?? { frames: 0, labels: 0 };
    this.#groups.set(group, seen);
    seen.frames += 1;
    const right = decided === reference;
    if (seen.labels === 0) this.#score(right);
    if (!this.#wants(reference, right, seen)) return false;
    seen.labels += 1;
    this.#perClass.set(reference, (this.#perClass.get(reference) ?? 0) + 1);
    return true;
  }

  forget(group: string): void {
    this.#groups.delete(group);
  }

  rollingAccuracy(frames: number): number | null {
    const last = this.#scores.slice(-frames);
    return last.length === 0 ? null : last.filter(Boolean).length / last.length;
  }

  #score(right: boolean): void {
    this.#scores.push(right);
    if (this.#scores.length > MAX_SCORES) this.#scores.shift();
  }

  #wants(reference: string, right: boolean, seen: GroupSeen): boolean {
    const { labelsPerGroup, reactionFrames, labelsPerClass } = this.settings;
    if (seen.frames <= reactionFrames || seen.labels >= labelsPerGroup) return false;
    // Label only every third frame: neighbouring frames of one pass are almost identical.
    if ((seen.frames - reactionFrames - 1) % 3 !== 0) return false;
    return !right || (this.#perClass.get(reference) ?? 0) < labelsPerClass;
  }
}
