import { type ClassSums, plus } from './class-sums.js';

export interface LabelledSums {
  label: string;
  sums: ClassSums;
}

/**
 * Samples a class as which the rest of the fleet counts beside a robot's own; infinite: as many as it
 * has.
 */
export const BLEND_SAMPLES: readonly number[] = [0, 10, 40, 160, 640, Number.POSITIVE_INFINITY];

/**
 * The sums of a robot and of the rest of the fleet, whose classes are scaled down to `samples` each. A class
 * that one side alone knows is taken from it: the fleet's then counts as it is where the robot has
 * nothing to compare.
 * @param samples one of {@link BLEND_SAMPLES}, or any number >= 0
 * @returns sorted by label
 */
export function blendSums(
  own: readonly LabelledSums[],
  fleet: readonly LabelledSums[],
  samples: number,
): LabelledSums[] {
  const byLabel = new Map(fleet.map(({ label, sums }) => [label, sums]));
  for (const { label, sums } of own) {
    const others = byLabel.get(label);
    const factor = others ? Math.min(1, samples / others.samples) : 0;
    byLabel.set(label, others ? plus(sums, others, factor) : sums);
  }
  return [...byLabel]
    .map(([label, sums]) => ({ label, sums }))
    .filter(({ sums }) => sums.samples > 0)
    .sort((a, b) => (a.label < b.label ? -1 : 1));
}
