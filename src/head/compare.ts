import { DEFECT_REMEDY, HeadlandError } from '../base/errors.js';

/**
 * Share of a head's probability that is spread over all classes: one label in five may be wrong.
 */
const LABEL_SPREAD = 0.2;

/**
 * Compares the serving head with another head, label by label. Each label multiplies the wealth by
 * the root of the ratio of the probabilities that the other head and the serving head gave to it,
 * after spreading. If the labels follow the serving head's probabilities, the mean of that factor
 * is Σ √(p q) <= 1. The chance that the wealth ever reaches 1 / error is then at most `error`
 * (Ville 1939; Grünwald et al. 2024, Safe testing), however often it is checked. The mean of the
 * plain ratio would be exactly 1; the root leaves room for serving heads that are better but not
 * well calibrated. Labels of one group are alike, and wrong together when somebody errs: k of them
 * weigh as the root of k.
 */
export class RollbackMonitor {
  readonly #classes: number;
  readonly #alarmAt: number;
  readonly #groups = new Map<string, { sum: number; labels: number }>();

  /**
   * @param classes that either head knows, >= 2. @param alarmAt wealth, > 1, default 20 (error 5
   *   %).
   */
  constructor({ classes, alarmAt = 20 }: { classes: number; alarmAt?: number }) {
    if (!(classes >= 2 && alarmAt > 1)) {
      throw new HeadlandError(
        'HL_COMPARISON_INVALID',
        `cannot compare heads of ${classes} classes with an alarm at ${alarmAt}`,
        {
          remedy: DEFECT_REMEDY,
        },
      );
    }
    this.#classes = classes;
    this.#alarmAt = alarmAt;
  }

  /**
   * Takes one labelled sample; returns true when the old head should serve again.
   * @param oldProbability probability of the label by the old head, 0..1; 0 when it does not know
   *   it.
   * @param group pass of the frame
   */
  observe(oldProbability: number, newProbability: number, group: string): boolean {
    const spread = (probability: number): number =>
      (1 - LABEL_SPREAD) * probability + LABEL_SPREAD / this.#classes;
    const known = this.#groups.get(group) ?? { sum: 0, labels: 0 };
    known.sum += Math.log(spread(oldProbability) / spread(newProbability)) / 2;
    known.labels += 1;
    this.#groups.set(group, known);
    return this.alarm;
  }

  get wealth(): number {
    return Math.exp(this.#logWealth());
  }

  get alarm(): boolean {
    return this.#logWealth() >= Math.log(this.#alarmAt);
  }

  #logWealth(): number {
    let total = 0;
    for (const { sum, labels } of this.#groups.values()) total += sum / Math.sqrt(labels);
    return total;
  }
}

/** p-values adjusted for the number of tests (Holm 1979), each at most 1. */
export function holmAdjusted(ps: readonly number[]): number[] {
  const order = [...ps.keys()].sort((a, b) => ps[a]! - ps[b]!);
  const adjusted = new Array<number>(ps.length);
  let most = 0;
  order.forEach((test, i) => {
    most = Math.max(most, Math.min(1, ps[test]! * (ps.length - i)));
    adjusted[test] = most;
  });
  return adjusted;
}
