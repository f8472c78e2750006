import { createRandom } from '../../src/base/random.js';
import { type Draw, labelOrder, type Photo } from './life-data.js';
import { shuffled } from './life-split.js';

export const SCENARIOS = [
  'clean',
  'late-class',
  'removed-class',
  'wrong-labels',
  'imbalance',
  'near-duplicates',
] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** A label that a person gives. */
export interface Labelling {
  photo: Photo;
  label: string;
  /** 0: the photo; above: its near-duplicate of that number. */
  copy: number;
}

/** What happens between two trainings. */
export interface Stage {
  /** Of the table: "20", "late 5". */
  name: string;
  /** New labels. */
  labels: Labelling[];
  /** All samples of this class are removed. */
  removed: string | null;
  /** Classes with at least one label: what the test asks about. */
  alive: string[];
}

export interface Plan {
  scenario: Scenario;
  stages: Stage[];
  /** The class that comes late or goes; null in the other scenarios. */
  special: string | null;
}

/** Labels of a class that comes late, when a training follows each. */
export const LATE_SIZES = [1, 2, 3, 5, 8, 12, 20];
const LATE_OTHERS = 20;
const WRONG_SHARE = 0.2;
const FEW = 3;
/** So often the more frequent half of the classes. */
const MANY = [10, 20, 60];

/** The life of a robot as one label order and scenario make it. */
export function planLife(
  draw: Draw,
  order: number,
  scenario: Scenario,
  sizes: readonly number[],
  copies: number,
): Plan {
  const arrival = labelOrder(draw, order);
  const { classes } = draw;
  const special = classes[(5 * order + 2) % classes.length]!;
  const plan = (stages: Stage[], of: string | null = null): Plan => ({
    scenario,
    stages: stages.filter(({ labels, removed }) => labels.length > 0 || removed !== null),
    special: of,
  });
  const even = (size: number) => new Map(classes.map((label) => [label, size]));
  const wanted = sizes.map((size) => ({ name: String(size), counts: even(size) }));
  if (scenario === 'clean') return plan(stagesOf(arrival, wanted));
  if (scenario === 'wrong-labels') {
    return plan(mislabelled(stagesOf(arrival, wanted), classes, order));
  }
  if (scenario === 'near-duplicates') {
    return plan(
      stagesOf(arrival, wanted).map((stage) => ({
        ...stage,
        labels: stage.labels.flatMap((one) =>
          Array.from({ length: copies + 1 }, (_, copy) => ({ ...one, copy })),
        ),
      })),
    );
  }
  if (scenario === 'imbalance') {
    const frequent = new Set(shuffled(classes, 31 * order + 5).slice(0, classes.length / 2));
    return plan(
      stagesOf(
        arrival,
        MANY.map((many) => ({
          name: `${many}:${FEW}`,
          counts: new Map(classes.map((label) => [label, frequent.has(label) ? many : FEW])),
        })),
      ),
    );
  }
  const before = Math.min(LATE_OTHERS, ...classes.map((label) => arrival.get(label)!.length));
  if (scenario === 'late-class') {
    const steps = [0, ...LATE_SIZES].map((late) => ({
      name: `late ${late}`,
      counts: new Map(classes.map((label) => [label, label === special ? late : before])),
    }));
    return plan(stagesOf(arrival, steps), special);
  }
  const [start] = stagesOf(arrival, [{ name: `${before} all`, counts: even(before) }]);
  const alive = classes.filter((label) => label !== special);
  return plan([start!, { name: 'removed', labels: [], removed: special, alive }], special);
}

function stagesOf(
  arrival: ReadonlyMap<string, Photo[]>,
  steps: readonly { name: string; counts: ReadonlyMap<string, number> }[],
): Stage[] {
  const given = new Map<string, number>();
  return steps.map(({ name, counts }) => {
    const labels: Labelling[] = [];
    for (const [label, photos] of arrival) {
      const from = given.get(label) ?? 0;
      const to = Math.max(from, counts.get(label) ?? 0);
      for (const photo of photos.slice(from, to)) labels.push({ photo, label, copy: 0 });
      given.set(label, to);
    }
    const alive = [...arrival.keys()].filter((label) => (given.get(label) ?? 0) > 0);
    return { name, labels, removed: null, alive };
  });
}

/** A fifth of the labels name another class, drawn evenly. */
function mislabelled(stages: Stage[], classes: readonly string[], order: number): Stage[] {
  const random = createRandom(104_729 * (order + 1));
  return stages.map((stage) => ({
    ...stage,
    labels: stage.labels.map((one) => {
      if (random.next() >= WRONG_SHARE) return one;
      const others = classes.filter((label) => label !== one.label);
      return { ...one, label: others[random.int(others.length)]! };
    }),
  }));
}

/** What is labelled at the end of each stage. */
export function labelledAfter(plan: Plan): Labelling[][] {
  let now: Labelling[] = [];
  return plan.stages.map(({ labels, removed }) => {
    now = [...now, ...labels].filter(({ label }) => label !== removed);
    return now;
  });
}
